// The verdicts of a rater, with a button and a key for each: the same on the served page, in a notebook, and in a file.
import { element } from "../core/dom.js";

export const VERDICTS = [
  { verdict: "left", text: "Left is better", key: "ArrowLeft", shown: "←" },
  { verdict: "tie", text: "About the same", key: "t", shown: "T" },
  { verdict: "right", text: "Right is better", key: "ArrowRight", shown: "→" },
  { verdict: "skip", text: "Skip", key: "s", shown: "S" },
  { verdict: "undo", text: "Undo", key: "u", shown: "U" },
];

/** The name of a panel in which these keys are heard. */
export const KEYS_IN_WORDS = "Judge pairs: arrow left, arrow right, T for about the same, S to skip, U to undo";

/** A button for each verdict, in their order. */
export function verdictButtons(click) {
  return VERDICTS.map(({ verdict, text, key, shown }) =>
    element("button", { type: "button", class: "rx-button rx-verdict", "aria-keyshortcuts": key, onClick: () => click(verdict) },
      element("span", { text }), element("kbd", { text: shown })));
}

/** Listen to the keys of verdicts on some nodes, except where text is typed or a key has another use; returns a function that ends it. */
export function verdictKeys(nodes, click) {
  function press(event) {
    const one = VERDICTS.find(({ key }) => key === event.key || key === event.key.toLowerCase());
    const typing = event.target.closest?.("input, textarea, select");
    if (!one || event.defaultPrevented || event.repeat || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    click(one.verdict);
  }
  nodes.forEach((node) => node.addEventListener("keydown", press));
  return () => nodes.forEach((node) => node.removeEventListener("keydown", press));
}
