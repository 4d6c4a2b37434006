// Where predictions are made and compared, beside the pictures of a view.
import { element, unique, update } from "../core/dom.js";
import { comparedInWords, guessing, guessOf, predictable, settled, shownGuess, standingInWords, SUREST } from "../core/predictions.js";

const HOW = {
  path: "Move the slider to the P that you expect, then press Reveal.",
  curve: "Drag the hollow point to the P that you expect, then press Reveal.",
  probe: "Move the slider to the P that you expect, then press Reveal.",
  head: "Choose how many numbers you expect, then press Reveal.",
  film: "Move the slider to the accuracy that you expect at the last step, then press Reveal.",
  compare: "Move the slider to the share of pairs on which you expect the two to prefer the same response, then press Reveal.",
  pairs: "Pick a pair that you expect the model to get wrong, then press Reveal.",
};

/** The line under the frame's buttons: what to do, how the last prediction turned out, how well the class predicts. */
export function predictionLine(store) {
  const last = element("strong");
  const all = element("span");
  const node = element("p", { class: "rx-predictions", role: "status" }, last, " ", all);
  return {
    node,
    draw(view) {
      const guesses = store.get("guesses");
      const hidden = !store.get("revealed");
      const made = store.get("guess").of !== undefined;
      const asked = made ? "Your prediction is noted. Press Reveal to compare." : HOW[view] ?? "";
      const newest = guesses.at(-1);
      const compared = newest && newest.of === "p" ? shownGuess(store) : newest; // it does not apply to other scores
      update(last, { text: hidden ? asked : compared ? comparedInWords(compared) : "" });
      update(all, { text: standingInWords(guesses) });
      update(node, { hidden: !guesses.length && !(hidden && asked) });
    },
  };
}

/** Compare a prediction as soon as it is revealed and the model has answered; returns a function that ends it. */
export function comparing(store) {
  return store.on(["revealed", "answered", "scores"], () => {
    const made = settled(store);
    if (made) store.set(made);
  });
}

/** A slider for a number from 0 to 1, by default P(A is preferred), shown while predictions are asked for. */
export function guessSlider(store, of = "p", label = "Your P(A is preferred)") {
  const input = element("input", {
    type: "range", class: "rx-long", id: unique("guess"), min: SUREST, max: 1 - SUREST, step: 0.01,
    onInput: () => store.set(guessing(store, of, predictable(Number(input.value)))),
  });
  const shown = element("output", { class: "rx-value", for: input.id });
  const node = element("label", { class: "rx-field rx-guess-field", for: input.id }, element("span", { text: label }), input, shown);
  return {
    node,
    draw() {
      const said = guessOf(store, of);
      input.value = said ?? 0.5;
      update(input, { "aria-valuetext": said === null ? "no prediction yet" : said.toFixed(2) });
      update(shown, { text: said === null ? "?" : said.toFixed(2) });
      update(node, { hidden: store.get("revealed") });
    },
  };
}
