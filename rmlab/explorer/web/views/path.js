// All steps on one page: prompt, two responses, their scores on one axis, the difference, P, a label and the loss. Each
// box opens; the pins and the dots can be dragged, and numbers that change move to their new positions.
import { signed } from "../charts/chart.js";
import { BY_HAND, numberLine } from "../charts/number_line.js";
import { smallCurve } from "../charts/small_curve.js";
import { element, unique, update } from "../core/dom.js";
import { labelled, saying } from "../core/label.js";
import { moving } from "../core/motion.js";
import { judgementLoss, preferenceProbability } from "../core/preference.js";
import { shownGuess } from "../core/predictions.js";
import { guessSlider } from "../parts/predictions.js";
import { NATS } from "../parts/terms.js";
import { reach } from "./curve.js";

const TEXTS = ["prompt", "response_a", "response_b"];
const NUMBERS = ["score_a", "score_b", "difference", "p", "loss"];

export const path = {
  name: "path",
  title: "The path",
  render(root, store) {
    let opened = "difference";
    let own = null; // the last scores that were not set by hand, and the texts that they are of
    const detail = element("p", { tabindex: 0, role: "group", dir: "auto" }); // it may scroll
    const heading = element("h3");
    const panel = element("div", { class: "rx-card rx-opened", role: "status", id: unique("opened") }, heading, detail);
    const boxes = Object.fromEntries([...TEXTS, "label", ...NUMBERS].map((name) => [name, box(name, panel.id, () => { opened = name; draw(); })]));
    const group = unique("label");
    const labels = [["a", "A is better"], ["b", "B is better"], ["tie", "a tie"]].map(([value, text]) => {
      const input = element("input", { type: "radio", name: group, value, onChange: () => store.set(saying(store, value)) });
      return { input, node: element("label", { class: "rx-choice" }, input, element("span", { text })) };
    });
    const judge = element("div", { class: "rx-choices", role: "radiogroup", "aria-label": "The label" }, ...labels.map((each) => each.node));
    const slide = (difference) => { // A moves, B stays
      const [, b] = store.get("scores");
      store.set({ scores: [Number((b + difference).toFixed(6)), b], scores_from: BY_HAND });
    };
    const scores = numberLine(store);
    const sigmoid = smallCurve({ label: "Difference, on the sigmoid", move: slide });
    const guess = guessSlider(store);
    const loss = smallCurve({ label: "Difference, on the loss", move: slide });
    const back = element("button", { type: "button", class: "rx-button", text: "Back to the model's scores", onClick: () => store.set({ scores: own.scores, scores_from: own.from }) });
    const byHand = element("div", { class: "rx-note rx-by-hand" },
      element("span", { text: "Set by hand: no model gave these scores to these texts. " }), back);
    const then = (aside = "") => element("span", { class: `rx-then ${aside}`, "aria-hidden": "true" });
    const toScores = then("rx-aside");
    const hint = element("p", { class: "rx-quiet", text: `Scores are ${NATS}. Drag A, B or a dot, or move it with the arrow keys. Click a box to open it.` });
    root.append(element("div", { class: "rx-flow" },
      element("div", { class: "rx-flow-part rx-flow-texts" },
        boxes.prompt.node, then(), element("div", { class: "rx-flow-pair" }, boxes.response_a.node, boxes.response_b.node)),
      toScores,
      element("div", { class: "rx-flow-part" },
        element("div", { class: "rx-flow-pair" }, boxes.score_a.node, boxes.score_b.node), byHand, then(),
        element("div", { class: "rx-card rx-flow-line" }, scores.node), then(), boxes.difference.node, hint),
      then("rx-aside"),
      element("div", { class: "rx-flow-part" },
        element("div", { class: "rx-box-around" }, boxes.p.node, sigmoid.node, guess.node), then(),
        element("div", { class: "rx-box-around" }, boxes.label.node, judge), then(),
        element("div", { class: "rx-box-around" }, boxes.loss.node, loss.node))),
    panel);

    const numbers = moving(({ a, b, temperature }) => {
      const revealed = store.get("revealed");
      const winner = labelled(store) ? store.get("winner") : null;
      const known = store.get("scores").every((score) => score !== null);
      const d = a - b;
      const wide = reach(store.get("scores")[0] - store.get("scores")[1]); // of the final values, so that the axes do not move on the way
      const shown = revealed && known;
      const judged = shown && winner !== null;
      const lossAt = (x) => judgementLoss(x, winner ?? "tie", temperature);
      const p = preferenceProbability(d / temperature);
      scores.draw({ a, b, d, known, winner, temperature, revealed: shown, reach: wide });
      sigmoid.draw({ d, reach: wide, revealed: shown, of: (x) => preferenceProbability(x / temperature), most: 1, level: 0.5, words: `P ${p.toFixed(3)}`, said: shownGuess(store)?.said });
      loss.draw({ d, reach: wide, revealed: judged, of: lossAt, most: Math.max(lossAt(-wide), lossAt(wide)), level: Math.log(2), words: `loss ${lossAt(d).toFixed(3)} nats` });
      for (const [each, drawn] of [[scores, shown], [sigmoid, shown], [loss, judged]]) update(each.node, { inert: !drawn });
      scores.node.classList.toggle("rx-withheld", !shown);
      loss.node.classList.toggle("rx-withheld", shown && !judged);
      const parts = described({
        a, b, known, winner, temperature, revealed, from: store.get("scores_from"),
        ...Object.fromEntries(TEXTS.map((name) => [name, store.get(name)])),
      });
      for (const [name, each] of Object.entries(boxes)) {
        update(each.title, { text: parts[name].title });
        update(each.text, { text: parts[name].short });
        update(each.node, { "aria-expanded": String(name === opened) });
      }
      update(heading, { text: parts[opened].title });
      update(detail, { text: parts[opened].long, "aria-label": parts[opened].title });
    });

    function draw() {
      const [a, b] = store.get("scores");
      const texts = JSON.stringify(TEXTS.map((name) => store.get(name)));
      const set = store.get("scores_from").startsWith(BY_HAND);
      if (!set) own = { texts, scores: [a, b], from: store.get("scores_from") };
      update(byHand, { hidden: !set });
      update(back, { hidden: own?.texts !== texts });
      toScores.classList.toggle("rx-cut", set);
      const said = labelled(store) ? store.get("winner") : null;
      for (const { input } of labels) input.checked = input.value === said;
      guess.draw();
      const known = a !== null && b !== null && store.get("revealed");
      numbers.to({ a: known ? a : 0, b: known ? b : 0, temperature: store.get("temperature") }, set || !known);
    }
    const off = store.on([...TEXTS, "scores", "scores_from", "winner", "settings", "temperature", "revealed", "guess", "guesses"], draw);
    draw();
    return () => { off(); numbers.stop(); for (const each of [scores, sigmoid, loss]) each.close(); };
  },
};

function box(name, opens, onClick) {
  const title = element("span", { class: "rx-box-name" });
  const text = element("span", { class: NUMBERS.includes(name) ? "rx-box-figure" : "rx-box-text", dir: "auto" });
  const side = name.endsWith("_a") ? " rx-a" : name.endsWith("_b") ? " rx-b rx-box-b" : "";
  return { title, text, node: element("button", { type: "button", class: `rx-box rx-box-${name}${side}`, "aria-controls": opens, onClick }, title, text) };
}

const text = (title, words) => ({ title, short: words.trim() ? words : "(empty)", long: words.trim() ? words : "(empty)" });

/** Title, short text and long text of each box: in plain words first, then by the formula. `winner` is null without a label. */
function described(now) {
  const { a, b, known } = now;
  const d = (a - b) / now.temperature;
  const p = preferenceProbability(d);
  const said = now.winner !== null;
  const loss = said ? judgementLoss(a - b, now.winner, now.temperature) : null;
  const label = said ? { a: "A is better", b: "B is better", tie: "a tie" }[now.winner] : "none yet";
  const number = (value) => (!now.revealed ? "?" : !known ? "none" : value);
  const hidden = now.revealed ? "There are no scores yet." : "Predict first; then press Reveal.";
  const long = (text) => (now.revealed && known ? text : hidden);
  const hot = now.temperature === 1 ? "" : `, divided by the temperature ${now.temperature}: ${signed(d)}`;
  const score = (side, value) => ({
    title: `score of ${side}`,
    short: number(signed(value)),
    long: long(`The model reads the prompt and this response alone, and gives them one number: it sees neither the other response nor the label. RM(prompt, ${side}) = ${signed(value, 3)} (${now.from}).`),
  });
  const terms = loss === null ? {} : {
    a: `A was preferred: −log P = −log ${p.toFixed(3)} = ${loss.toFixed(3)} nats.`,
    b: `B was preferred: −log(1 − P) = −log ${(1 - p).toFixed(3)} = ${loss.toFixed(3)} nats.`,
    tie: `A tie is half a win for each: (−log P − log(1 − P)) / 2 = ${loss.toFixed(3)} nats.`,
  };
  return {
    prompt: text("prompt", now.prompt),
    response_a: text("● response A", now.response_a),
    response_b: text("■ response B", now.response_b),
    label: {
      title: "label", short: label,
      long: said ? `A person or a model read both responses and judged: ${label}. Only the loss uses the label.`
        : "These texts were edited, so nobody has judged them. Say which response is better; the loss then compares P with your label.",
    },
    score_a: score("A", a),
    score_b: score("B", b),
    difference: {
      title: "difference", short: number(signed(a - b)),
      long: long(`How far A is ahead of B, ${NATS}. Score of A − score of B = ${signed(a, 3)} − (${signed(b, 3)}) = ${signed(a - b, 3)} nats${hot}. A constant added to both scores changes nothing.`),
    },
    p: {
      title: "P(A is preferred)", short: number(p.toFixed(3)),
      long: long(`How often the model expects A to be preferred. σ(difference) = 1 / (1 + exp(−(${signed(d, 3)}))) = ${p.toFixed(3)}.`),
    },
    loss: {
      title: "loss", short: said ? number(`${loss.toFixed(3)} nats`) : "no label yet",
      long: said ? long(`How much the label surprises the model. Training makes it small; for P = 0.5 it is 0.693. ${terms[now.winner]}`) : "The loss needs a label: say which response is better.",
    },
  };
}
