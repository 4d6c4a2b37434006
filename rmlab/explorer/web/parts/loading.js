// How far the loading of the model has come: its size beforehand, a progress bar, and what went wrong.
import { element, update } from "../core/dom.js";
import { loadModel } from "../live/answers.js";

const MB = 1e6;

/** The line: `draw()`. It is hidden where the page has no model of its own, and once the model answers. */
export function loadingLine(store) {
  const words = element("p", { class: "rx-words", role: "status" });
  const bar = element("progress", { class: "rx-progress", "aria-label": "Loading the model", max: 1 });
  const button = element("button", { type: "button", class: "rx-button", onClick: () => loadModel(store) });
  const buttons = element("div", { class: "rx-buttons" }, button);
  const node = element("div", { class: "rx-card rx-loading" }, words, bar, buttons);
  return {
    node,
    draw() {
      const { phase = "none", loaded = 0, total = null, words: said = "", kind } = store.get("loading") ?? {};
      const busy = phase === "loading" || phase === "starting";
      update(node, { hidden: phase === "none" || phase === "ready" });
      update(words, { text: WORDS[phase]?.({ total, said }) ?? "" });
      update(bar, { hidden: !busy });
      if (phase === "loading" && total) bar.value = loaded / total;
      else bar.removeAttribute("value"); // the time that it takes is unknown
      update(buttons, { hidden: phase !== "offered" && kind !== "download" });
      update(button, { text: phase === "failed" ? "Try again" : "Load the model" });
    },
  };
}

const WORDS = {
  offered: ({ total }) => `The model can answer what you type, here in the page. With its runtime it is ${Math.round(total / MB)} MB, loaded once.`,
  loading: () => "The model is loading. You can type in the meantime.",
  starting: () => "The model is starting. You can type in the meantime.",
  failed: ({ said }) => `The model does not answer in this page: ${said} Everything else works, with recorded scores.`,
};
