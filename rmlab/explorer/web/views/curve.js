// Two scores on a number line, the probability that their difference gives, and the loss of a judgement.
import { ANCHORS, axis, graph, inside, line, picture, scale, shownIf, signed } from "../charts/chart.js";
import { element, svg, unique, update } from "../core/dom.js";
import { addable, byHand, numberLine } from "../charts/number_line.js";
import { relabelled, saying } from "../core/label.js";
import { guessOf, shownGuess } from "../core/predictions.js";
import { judgementLoss, judgementSlope, preferenceOdds, preferenceProbability } from "../core/preference.js";
import { probability, sigmoid } from "../charts/sigmoid.js";
import { besideEven, NATS } from "../parts/terms.js";


/** Half the width of the pictures in nats: 8, doubled until the difference fits. */
export function reach(difference) {
  return 8 * 2 ** Math.max(0, Math.ceil(Math.log2(Math.abs(difference) / 8)));
}

export const curve = {
  name: "curve",
  title: "Preference curve",
  render(root, store) {
    const point = sigmoid(store);
    const handles = numberLine(store);
    const from = element("span");
    const loss = lossPicture();
    const judgement = judgements(store);
    const readout = readouts();
    const form = controls(store);
    root.append(
      element("div", { class: "rx-curve" },
        element("div", { class: "rx-card rx-curve-main" }, point.node, handles.node,
          element("p", { class: "rx-quiet" }, from, element("span", { class: "rx-nats", text: ` They are ${NATS}.` }))),
        element("div", { class: "rx-curve-side" }, element("div", { class: "rx-card" }, judgement.node, loss.node), readout.node),
        form.node),
    );
    const parts = [point, handles, judgement, loss, readout, form];
    function draw() {
      const [a, b] = store.get("scores");
      const known = a !== null && b !== null;
      const now = {
        a: a ?? 0, b: b ?? 0, d: known ? a - b : 0, known, temperature: store.get("temperature"),
        winner: store.get("winner"), revealed: store.get("revealed") && known,
        asks: known && !store.get("revealed"), guess: guessOf(store, "p"), said: shownGuess(store)?.said ?? null,
      };
      now.reach = reach(now.d);
      update(from, { text: `Scores: ${store.get("scores_from")}.` });
      for (const part of parts) part.draw(now);
    }
    const off = store.on(["scores", "temperature", "winner", "revealed", "guess", "guesses", "scores_from", "presets"], draw);
    draw();
    return () => { off(); for (const part of parts) part.close?.(); };
  },
};

function lossPicture() {
  const path = svg("path", { class: "rx-line" });
  const tangent = svg("path", { class: "rx-tangent" });
  const point = svg("circle", { class: "rx-point", r: "0.47em" });
  const slope = svg("text", { class: "rx-strong" });
  const across = axis("bottom", { label: "score difference, A − B (nats)" });
  const up = axis("left", { label: "", count: 5 });
  return picture({ height: 17, class: "rx-loss", label: "Loss of the judgement, against the score difference, with its tangent" },
    [across.node, up.node, path, tangent, point, slope],
    ({ width, height, em }, now) => {
      const of = (d) => judgementLoss(d, now.winner, now.temperature);
      const x = scale([-now.reach, now.reach], [3.2 * em, width - 1.2 * em]);
      const y = scale([0, Math.max(of(-now.reach), of(now.reach)) * 1.04], [height - 3.4 * em, 2.2 * em]);
      const steep = judgementSlope(now.d, now.winner, now.temperature);
      across.update(x, y(0), em);
      up.update(y, x(-now.reach), em);
      up.name(`loss (nats) when ${{ a: "A won", b: "B won", tie: "it was a tie" }[now.winner]}`);
      update(path, { d: graph(of, x, y) });
      const half = now.reach * 0.3;
      const lowest = -of(now.d) / steep; // where the tangent comes to a loss of zero, and ends
      const ends = steep < 0 ? [-half, Math.min(half, lowest)] : [Math.max(-half, lowest), half];
      update(tangent, {
        d: line(ends.map((step) => [x(now.d + step), y(of(now.d) + steep * step)])),
        visibility: shownIf(now.revealed),
      });
      update(point, { cx: x(now.d), cy: y(of(now.d)), visibility: shownIf(now.revealed) });
      const aside = steep < -0.1 ? 1 : steep > 0.1 ? -1 : 0; // to the side on which the curve is lower
      update(slope, {
        x: inside(x(now.d) + aside * em, aside, x, em), y: Math.max(1.2 * em, y(of(now.d)) - 1.1 * em),
        "text-anchor": ANCHORS[aside], text: `slope ${signed(steep)}`, visibility: shownIf(now.revealed),
      });
    });
}

function readouts() {
  const numbers = {};
  const boxes = [["difference", "Difference"], ["odds", "Odds"], ["p", "P(A is preferred)"], ["loss", "Loss"]].map(([key, name]) => {
    numbers[key] = element("div", { class: "rx-figure" });
    return element("div", {}, element("div", { class: "rx-quiet", text: name }), numbers[key]);
  });
  const words = element("p", { class: "rx-words" });
  const node = element("div", { class: "rx-card rx-readout", role: "status" }, element("div", { class: "rx-figures" }, ...boxes), words);
  return {
    node,
    draw(now) {
      const p = preferenceProbability(now.d / now.temperature);
      const loss = judgementLoss(now.d, now.winner, now.temperature);
      const texts = {
        difference: `${signed(now.d)} nats`, odds: odds(now.d / now.temperature), p: probability(p, preferenceProbability(-now.d / now.temperature)), loss: `${loss.toFixed(3)} nats`,
      };
      for (const [key, at] of Object.entries(numbers)) update(at, { text: now.revealed ? texts[key] : "?" });
      update(words, { text: inWords(now, p, loss) });
    },
  };
}

function inWords(now, p, loss) {
  if (!now.known) return "There are no scores to show.";
  if (!now.revealed) return "Predict: which response will be preferred, and with what probability? How large is the loss?";
  const [better, share] = p >= 0.5 ? ["A", p] : ["B", 1 - p];
  const expected = Math.abs(p - 0.5) < 0.0005
    ? "The model expects a toss-up"
    : `The model expects ${better} to be preferred in ${inHundred(share)} of 100 judgements`;
  const happened = { a: "A won", b: "B won", tie: "it was a tie" }[now.winner];
  const slope = judgementSlope(now.d, now.winner, now.temperature);
  const push = Math.abs(slope) < 0.005
    ? "Learning hardly moves either score."
    : `Learning pushes A ${slope < 0 ? "up" : "down"} and B ${slope < 0 ? "down" : "up"}, by ${Math.abs(slope).toFixed(2)} each.`;
  return `${expected}; ${happened}: the loss is ${besideEven(loss)}. ${push}`;
}

function judgements(store) {
  const group = unique("winner");
  const winners = [["a", "A"], ["b", "B"], ["tie", "tie"]].map(([value, name]) => {
    const input = element("input", { type: "radio", name: group, value, onChange: () => store.set(saying(store, value)) });
    return { input, label: element("label", { class: `rx-choice rx-${value}` }, input, element("span", { text: name })) };
  });
  return {
    node: element("fieldset", {}, element("legend", { text: "Who won?" }), element("div", { class: "rx-choices" }, ...winners.map((w) => w.label))),
    draw(now) {
      for (const { input } of winners) input.checked = input.value === now.winner;
    },
  };
}

function controls(store) {
  const temperature = element("input", {
    type: "range", min: 0.1, max: 5, step: 0.1, onInput: () => store.set({ temperature: Number(temperature.value) }),
  });
  const shown = element("output", { class: "rx-value" });
  const constant = element("input", { type: "number", value: 5, step: "any", class: "rx-small", "aria-label": "c, the constant to add" });
  const add = () => {
    const [a, b] = store.get("scores");
    if (a === null || b === null) return;
    const c = addable(Number(constant.value), a, b);
    store.set(byHand(a + c, b + c));
  };
  const swap = () => {
    const [a, b] = store.get("scores");
    const swapped = {
      response_a: store.get("response_b"), response_b: store.get("response_a"), winner: { a: "b", b: "a", tie: "tie" }[store.get("winner")],
    };
    store.set({ scores: [b, a], ...swapped, ...relabelled(store, swapped) });
  };
  const presets = element("select", {
    onChange: () => store.set(structuredClone(store.get("presets")[Number(presets.value)].state)),
  });
  const node = element("div", { class: "rx-card rx-controls" },
    element("label", { class: "rx-field" }, element("span", { text: "Temperature" }), temperature, shown),
    element("div", { class: "rx-field" },
      element("span", { text: "c =" }), constant, element("button", { type: "button", class: "rx-button", text: "Add c to both", onClick: add }),
      element("button", { type: "button", class: "rx-button", text: "Swap A and B", onClick: swap })),
    element("label", { class: "rx-field" }, element("span", { text: "Example" }), presets));
  let listed = null;
  return {
    node,
    draw(now) {
      temperature.value = now.temperature;
      update(shown, { text: now.temperature.toFixed(1) });
      if (store.get("presets") !== listed) {
        listed = store.get("presets");
        presets.replaceChildren(
          element("option", { value: "", text: "Choose an example" }),
          ...listed.map((preset, i) => element("option", { value: i, text: preset.name })));
      }
    },
  };
}

function odds(difference) {
  const ratio = preferenceOdds(Math.abs(difference));
  const text = ratio < 1000 ? ratio.toFixed(2) : ratio.toExponential(1).replace("e+", "e");
  return difference < 0 ? `1 to ${text}` : `${text} to 1`;
}

function inHundred(share) {
  return share > 0.995 ? "more than 99" : `${Math.round(100 * share)}`;
}
