// The scores of a model, and of a second scorer if there is one, for the two responses: needles, numbers and words.
import { signed } from "../charts/chart.js";
import { dial } from "../charts/dial.js";
import { ofTheTexts } from "../charts/number_line.js";
import { element, update } from "../core/dom.js";
import { guessOf, shownGuess } from "../core/predictions.js";
import { preferenceProbability } from "../core/preference.js";
import { exampleShown } from "./examples.js";
import { guessSlider } from "./predictions.js";
import { capital, fooledInWords, lastEdit, movedInWords, oddInWords } from "./remarks.js";
import { learnedFrom, NATS } from "./terms.js";

const PATIENCE = 250; // milliseconds before the view shows that it is waiting
const NEEDLES = ["solid needle", "dashed needle"];

/** The scorers that have scores for these texts: [{ name, scores, late, error }], the model first. */
export function scorersOf(store) {
  const answering = store.live && store.get("answering");
  const own = ofTheTexts(store) ? store.get("scores") : [null, null];
  const first = { name: answering ? store.get("model") : "the model", scores: own, late: answering && store.get("answered") !== store.get("request") };
  if (answering) {
    const { name, scores, answered, error, interval } = store.get("second");
    return name === undefined ? [first] : [first, { name, scores, error, interval, late: answered !== store.get("request") }];
  }
  const rows = exampleShown(store)?.recorded ?? []; // [[model, A, B], ...]
  const mine = rows.findIndex(([, a, b]) => a === own[0] && b === own[1]);
  if (mine < 0) return [first];
  const others = rows.filter((_, i) => i !== mine).slice(0, 1);
  return [{ ...first, name: rows[mine][0] }, ...others.map(([name, ...scores]) => ({ name, scores, late: false }))];
}

export const differenceOf = ([a, b]) => (a === null || b === null ? null : a - b);

/** The readout: `draw()`. */
export function readouts(store, { waiting }) {
  const boxes = { difference: "Difference A − B", p: "P(A is preferred)" };
  const numbers = Object.fromEntries(Object.keys(boxes).map((key) => [key, element("div", { class: "rx-figure" })]));
  const needles = dial({ label: "P(A is preferred) as needles between A and B" });
  const slider = guessSlider(store);
  const words = element("p", { class: "rx-words rx-needle-words rx-needle-one" });
  const other = element("p", { class: "rx-words rx-needle-words rx-needle-other" });
  const whose = element("p", { class: "rx-quiet" });
  const fooled = element("p", { class: "rx-words rx-fooled" });
  const moved = element("p", { class: "rx-words rx-moved" });
  const odd = element("p", { class: "rx-words rx-odd" });
  const from = element("p", { class: "rx-quiet" });
  const notice = element("p", { class: "rx-note" });
  const node = element("div", { class: "rx-card rx-probe-readout" },
    element("div", { class: "rx-dial-side" }, needles.node, slider.node),
    element("div", { role: "status" }, whose,
      element("div", { class: "rx-figures" }, ...Object.entries(boxes).map(([key, name]) =>
        element("div", {}, element("div", { class: "rx-quiet", text: name }), numbers[key]))),
      words, other, fooled, moved, odd, from, notice));
  let patience = null;
  let late = false;

  function draw() {
    if (!waiting()) {
      clearTimeout(patience);
      patience = null;
      late = false;
    } else if (patience === null) {
      patience = setTimeout(() => { late = true; draw(); }, PATIENCE);
    }
    const revealed = store.get("revealed");
    const scorers = scorersOf(store);
    const found = scorers.map(({ scores }) => {
      const d = differenceOf(scores);
      return { d, p: d === null ? null : preferenceProbability(d / store.get("temperature")) };
    });
    const [{ d, p }] = found;
    const known = d !== null;
    update(node, { "data-answered": store.get("answered"), "aria-busy": String(late), class: `rx-card rx-probe-readout${late ? " rx-late" : ""}` });
    update(numbers.difference, { text: known && revealed ? signed(d) : known ? "?" : "none" });
    update(numbers.p, { text: known && revealed ? p.toFixed(3) : known ? "?" : "none" });
    needles.draw({
      needles: found.map((each, i) => ({ p: revealed ? each.p : null, late: i ? scorers[i].late : late })),
      guess: revealed ? null : guessOf(store, "p"), said: shownGuess(store)?.said ?? null,
    });
    slider.draw();
    const named = scorers.length > 1;
    update(words, { text: inWords({ p, revealed, byHand: !ofTheTexts(store), who: named ? `${scorers[0].name} (${NEEDLES[0]})` : "the model" }) });
    update(whose, { text: `${named ? `Numbers of ${scorers[0].name}; the` : "The"} difference is ${NATS}.` });
    update(other, { text: named && revealed ? secondInWords(scorers[1], found[1]) : "", hidden: !(named && revealed) });
    const current = scorers.map((each, i) => ({ name: each.name, p: each.late ? null : found[i].p })); // not of earlier texts
    const edit = lastEdit(store, scorers.map((each) => (each.late ? { ...each, scores: [null, null] } : each)));
    for (const [place, remark] of [
      [fooled, fooledInWords(current, exampleShown(store)?.state.winner)],
      [moved, edit ? movedInWords(edit) : ""],
      [odd, oddInWords(current, [store.get("response_a"), store.get("response_b")])],
    ]) update(place, { text: revealed ? remark : "", hidden: !revealed || !remark });
    update(from, { text: source(store, late) });
    update(notice, { text: store.get("notice"), hidden: !store.get("notice") });
  }
  return { node, draw, close: () => { clearTimeout(patience); needles.close(); } };
}

function expects(who, p) {
  if (Math.abs(p - 0.5) < 0.005) return `${capital(who)} expects a toss-up between the two.`;
  const [better, share] = p > 0.5 ? ["A", p] : ["B", 1 - p];
  const hundred = share > 0.995 ? "more than 99" : Math.round(100 * share);
  return `${capital(who)} prefers ${better}: it expects ${better} to win ${hundred} of 100 judgements.`;
}

function inWords({ p, revealed, byHand, who }) {
  if (byHand) return "The scores on the curve were set by hand. No model gave them to these texts.";
  if (p === null) return "There are not two scores to compare.";
  if (!revealed) return "Predict: which response scores higher, and by how much?";
  return expects(who, p);
}

function secondInWords({ name, error, interval }, { d, p }) {
  if (error) return `${capital(error)}.`;
  if (p === null) return `${capital(name)} has not answered yet.`;
  const learned = learnedFrom(name);
  const range = interval ? `, ${interval.map((end) => signed(end)).join(" to ")}` : "";
  return expects(`${name} (${signed(d)} nats${range}; ${NEEDLES[1]})${learned ? `, which ${learned},` : ""}`, p);
}

function source(store, late) {
  if (!store.live) return `Scores: ${store.get("scores_from")}. What you type is not scored here. To have it scored, open the probe in a notebook or with “rmlab explore”.`;
  if (!store.kernel && store.get("loading")?.phase !== "ready") return `Scores: ${store.get("scores_from")}.`;
  if (!store.get("answering")) return `Scores: ${store.get("scores_from")}. No model answers here; pass one, as in probe(model).`;
  if (store.get("connection")) return `Scores: ${store.get("scores_from")}. They do not follow the texts until this page is connected again.`;
  if (store.lost()) return `Scores: ${store.get("scores_from")}. They do not follow the texts, because the kernel has stopped.`;
  return late ? `${store.get("model")} is scoring; these are the previous scores.` : `Scores: ${store.get("scores_from")}.`;
}
