// The list of edits, and two pinned edits side by side.
import { signed } from "../charts/chart.js";
import { element, update } from "../core/dom.js";
import { change, dropped, find, MOST, textsOf, TEXTS } from "../core/history.js";
import { preferenceProbability } from "../core/preference.js";

const SHOWN = 12;
const LONGEST = 90; // characters of a change that are shown
const NAMES = { prompt: "Prompt", response_a: "● A", response_b: "■ B" };

/** Edits, newest first: `draw({ history, here, pins, revealed, guesses })`. */
export function editList({ go, pin }) {
  const rows = element("ol", { class: "rx-edits" });
  const more = element("p", { class: "rx-quiet" });
  const node = element("div", { class: "rx-card" }, element("h3", { text: "Edits, newest first" }), rows, more);
  return {
    node,
    draw({ history, here, pins, revealed, guesses }) {
      const newest = history.slice(-SHOWN).reverse();
      const older = history.length > SHOWN ? `${history.length - SHOWN} older edits are kept; Undo leads to them. ` : "";
      const gone = dropped(history);
      update(more, { text: older + (gone ? `${gone.toLocaleString("en")} are no longer kept: only the newest ${MOST} are, or fewer if the texts are long.` : "") });
      rows.replaceChildren(...newest.map((entry) => {
        const known = revealed && entry.scores && entry.scores.every((score) => score !== null);
        const pinned = pins.includes(entry.id);
        const guess = guesses.findLast(({ edit }) => edit === entry.id);
        const said = guess ? element("span", { class: "rx-quiet", text: `You said P ${guess.said.toFixed(2)}.` }) : "";
        return element("li", { class: entry.id === here ? "rx-here" : "" },
          element("span", { class: "rx-edit-name", text: `${entry.id}${entry.parent === null ? ", start" : ` from ${entry.parent}`}` }),
          element("span", { class: "rx-edit-change" }, ...(entry.what ? [entry.what] : entry.parent === null ? [] : entry.changes.flatMap(changed)), " ", said),
          element("span", { class: "rx-edit-score", text: known ? `A − B ${signed(entry.scores[0] - entry.scores[1])}` : "" }),
          element("span", { class: "rx-buttons" },
            element("button", {
              type: "button", class: "rx-button", text: entry.id === here ? "shown" : "Show", disabled: entry.id === here,
              "aria-label": `Show edit ${entry.id}`, onClick: () => go(entry.id),
            }),
            element("button", {
              type: "button", class: "rx-button", text: pinned ? "Unpin" : "Pin", "aria-pressed": String(pinned),
              "aria-label": `${pinned ? "Unpin" : "Pin"} edit ${entry.id}`, onClick: () => pin(entry.id),
            })));
      }));
    },
  };
}

/** Two pinned edits side by side: `draw({ history, pins, revealed, temperature })`. */
export function comparison() {
  const node = element("div", { class: "rx-card" });
  return {
    node,
    draw({ history, pins, revealed, temperature }) {
      const [one, other] = pins.map((id) => find(history, id)).filter(Boolean);
      update(node, { hidden: !one });
      if (!one) return;
      if (!other) {
        node.replaceChildren(element("p", { class: "rx-words", text: `Edit ${one.id} is pinned. Pin another to compare the two.` }));
        return;
      }
      const figures = [one, other].map((entry) => numbers(entry, temperature));
      const rows = Object.keys(figures[0]).map((name) => {
        const [before, after] = figures.map((each) => each[name]);
        const digits = name === "P(A is preferred)" ? 3 : 2;
        const cells = [before, after, before === null || after === null ? null : after - before];
        return element("tr", {}, element("th", { scope: "row", text: name }),
          ...cells.map((value, i) => element("td", {
            text: !revealed ? "?" : value === null ? "none" : i < 2 && digits === 3 ? value.toFixed(3) : signed(value, digits),
          })));
      });
      const [left, right] = [one, other].map((entry) => textsOf(history, entry.id));
      const differences = TEXTS.flatMap((name) => {
        const found = change(left[name], right[name]);
        return found ? changed({ text: name, ...found }) : [];
      });
      node.replaceChildren(
        element("h3", { text: "Pinned edits" }),
        element("table", { class: "rx-numbers-table" },
          element("thead", {}, element("tr", {}, element("td"),
            ...[`edit ${one.id}`, `edit ${other.id}`, "change"].map((text) => element("th", { scope: "col", text })))),
          element("tbody", {}, ...rows)),
        element("div", { class: "rx-words rx-edit-change" }, ...differences));
    },
  };
}

function numbers({ scores }, temperature) {
  const [a, b] = scores ?? [null, null];
  const difference = a === null || b === null ? null : a - b;
  return {
    "score of A": a, "score of B": b, "difference A − B": difference,
    "P(A is preferred)": difference === null ? null : preferenceProbability(difference / temperature),
  };
}

/** One change as elements: the name of the text, what was removed, what was added. */
function changed({ text, removed, added }) {
  return [
    element("span", { class: "rx-text-name", text: NAMES[text] }),
    removed.trim() ? element("del", {}, "−", ...shortened(removed)) : null,
    added.trim() ? element("ins", {}, "+", ...shortened(added)) : null,
    !removed.trim() && !added.trim() ? element("span", { class: "rx-quiet", text: "white space" }) : null,
  ].filter(Boolean);
}

/** A text, isolated so that its writing direction does not affect its sign or its neighbours, and its length if it is cut. */
function shortened(text) {
  const characters = [...text.slice(0, 4 * LONGEST).trim()];
  const long = text.length > LONGEST;
  const part = element("bdi", { text: (long ? characters.slice(0, LONGEST - 30) : characters).join("") });
  return long ? [part, ` … (${text.length.toLocaleString("en")} characters)`] : [part];
}
