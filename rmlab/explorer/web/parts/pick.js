// A pair that is picked in one view is selected in all, and its texts and scores go to the other views.
import { signed } from "../charts/chart.js";
import { element, update } from "../core/dom.js";
import { cutTexts, isTied, verdictOf } from "../core/rows.js";

/** How to pick with the keyboard, in a sentence. */
export function byKeys(store) {
  const enter = store.get("views").includes("probe") ? ", Enter opens it in the probe" : "";
  return `With the keyboard: Tab goes from table to picture, arrow keys pick a pair${enter}.`;
}

/** Select a pair by its row among data.pairs; `traits` are set with it. */
export function pick(store, row, traits = {}) {
  const columns = store.get("data").pairs;
  const values = { selection: row, ...traits };
  if (!store.kernel) Object.assign(values, opened(columns, row)); // with a kernel, Python does so, with the whole texts
  else if (row === store.get("selection")) values.picks = store.get("picks") + 1; // its texts may have been edited
  store.set(values);
}

/** Go to the probe, if there is one; it shows the selected pair. */
export function openProbe(store) {
  if (store.get("views").includes("probe")) store.set({ view: "probe" });
}

/** What Python's `open_selected` sets. */
function opened(columns, row) {
  return {
    prompt: columns.prompt[row], response_a: columns.chosen[row], response_b: columns.rejected[row],
    winner: isTied(columns, row) ? "tie" : "a",
    ...(columns.scores ? { scores: columns.scores.map((side) => side[row]), scores_from: `of pair ${row + 1}` }
      : columns.difference && { scores: [columns.difference[row], 0], scores_from: `of pair ${row + 1}, with B put at 0` }),
  };
}

/** The texts of a pair, the chosen one first, and two lines above them: `draw(row, line, more)`. */
export function pairCard(store) {
  const heading = element("strong");
  const details = element("span");
  const text = (name) => element("p", { dir: "auto", tabindex: 0, role: "group", "aria-label": `text of the ${name}` }); // it may scroll
  const texts = { prompt: text("prompt"), chosen: text("chosen response"), rejected: text("rejected response") };
  const opener = element("button", {
    type: "button", class: "rx-button", text: "Open in the probe", onClick: () => openProbe(store),
  });
  const parts = [["prompt", "Prompt", ""], ["chosen", "● Chosen", "rx-a"], ["rejected", "■ Rejected", "rx-b"]];
  const cut = element("p", { class: "rx-quiet" });
  const body = element("div", { class: "rx-pair-texts" },
    ...parts.map(([name, title, side]) => element("div", { class: `rx-pair-text ${side}` }, element("h3", { text: title }), texts[name])));
  const node = element("div", { class: "rx-card rx-pair" },
    element("p", { class: "rx-pair-line", role: "status" }, heading, details), body, cut,
    store.get("views").includes("probe") ? opener : null);
  return {
    node,
    draw(row, said, more = "") {
      const columns = store.get("data").pairs;
      const known = row !== null && columns !== undefined;
      update(heading, { text: said });
      update(details, { text: more });
      for (const [name, text] of Object.entries(texts)) update(text, { text: known ? columns[name][row] || "(empty)" : "" });
      update(body, { hidden: !known });
      const begun = known ? cutTexts(columns, row).map((side) => parts.find(([name]) => name === side)[1]) : [];
      update(cut, { hidden: !begun.length, text: `Only the beginning is shown of: ${begun.join(", ")}. The scores are of whole texts.` });
      update(opener, { hidden: !known });
    },
  };
}

const VERDICTS = {
  agrees: "the model agrees with the label", disagrees: "the model disagrees with the label", equal: "equal scores", tied: "judged a tie",
};

/** "Pair 17: difference +1.20 nats, the model agrees with the label"; `tied`: whether the pair was judged a tie. */
export function differenceInWords(row, difference, tied = false) {
  return `Pair ${row + 1}: difference ${signed(difference)} nats, ${VERDICTS[verdictOf(difference, tied)]}`;
}
