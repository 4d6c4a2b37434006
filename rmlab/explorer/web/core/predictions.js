// What a reader predicts while the readouts are hidden. The trait `guess` holds the prediction that is being made, as
// { of, said }; when the readouts are revealed it is compared, and joins `guesses`, the predictions of a class.
import { preferenceProbability } from "./preference.js";
import { isTied, verdictOn } from "./rows.js";

/** The smallest probability that can be predicted; the largest is one minus this. */
export const SUREST = 0.01;

const isShare = (value) => Number.isFinite(value) && value >= 0 && value <= 1;

/**
 * What can be predicted: whether a value `fits` as a prediction, or as the truth; and the `outcome` of a prediction,
 * `{ truth }`, if it is `chosen` among answers also whether it was `right`; null while it is unknown. If a kind has
 * `asked`, only what passes it can be predicted.
 */
const KINDS = {
  /** P(A is preferred), a probability. */
  p: {
    fits: isShare,
    outcome(store) {
      const [a, b] = store.get("scores");
      return a === null || b === null ? null : { truth: preferenceProbability((a - b) / store.get("temperature")) };
    },
  },
  /** The accuracy at the last step of the film, a share. */
  accuracy: {
    fits: isShare,
    outcome(store) {
      const truth = store.get("data").film?.evaluations.at(-1)?.accuracy;
      return truth === undefined ? null : { truth };
    },
  },
  /** How often two models prefer the same response, a share. */
  agreement: {
    fits: isShare,
    outcome(store) {
      const { both, only_a, only_b, neither } = store.get("data").compare?.quadrants ?? {};
      const all = both + only_a + only_b + neither;
      return all > 0 ? { truth: (both + neither) / all } : null;
    },
  },
  /** A pair on which the model disagrees with the label, by its row; the truth is the score difference. */
  pair: {
    chosen: true,
    fits: Number.isFinite,
    asked: (store, row) => !isTied(store.get("data").pairs, row), // a model neither agrees nor disagrees with a judged tie
    outcome(store, row) {
      const columns = store.get("data").pairs;
      const difference = columns?.difference[row];
      return difference === undefined || isTied(columns, row) ? null : { truth: difference, right: verdictOn(columns, row) === "disagrees" };
    },
  },
  /** How many numbers a head gives, in words. */
  head: {
    chosen: true,
    fits: (value) => typeof value === "string",
    outcome(store, said) {
      const truth = store.get("settings").head?.head === "reward" ? "one" : "vocabulary";
      return { truth, right: said === truth };
    },
  },
};

/** The answers about a head, in words. */
export const HEADS = { one: "one number", text: "one for each token of the text", vocabulary: "one for each token in the vocabulary" };

const fits = ({ of }, value) => Object.hasOwn(KINDS, of) && KINDS[of].fits(value);

/** Whether something is a prediction as `guess` holds it, or none: `{}`. */
export const isGuess = (value) => !Object.keys(value).length || fits(value, value.said);

/** Whether something is a prediction that was compared; `standing` tells choices from numbers by `right`. */
export const isCompared = (value) =>
  fits(value, value.said) && fits(value, value.truth) && typeof value.right === (KINDS[value.of].chosen ? "boolean" : "undefined");

/** The prediction `of` something that is not compared yet; null if there is none. */
export function guessOf(store, of) {
  const guess = store.get("guess");
  return guess.of === of ? guess.said : null;
}

/** The traits of a prediction, while predictions are asked for; an empty one if this cannot be predicted. */
export function guessing(store, of, said) {
  if (store.get("revealed")) return {};
  return { guess: KINDS[of].asked?.(store, said) ?? true ? { of, said } : {} };
}

/** A probability that can be predicted, the nearest to one that was pointed at. */
export function predictable(p) {
  return Math.min(1 - SUREST, Math.max(SUREST, Number(p.toFixed(2))));
}

/** The traits that ask for a prediction, or that reveal what is hidden. */
export const turned = (store) => (store.get("revealed") ? { revealed: false, guess: {} } : { revealed: true });

/** The traits that a revealed prediction changes; null if there is none, or if the model has not answered yet. */
export function settled(store) {
  const { of, said } = store.get("guess");
  const late = store.live && store.get("answering") && store.get("answered") !== store.get("request");
  if (of === undefined || !store.get("revealed") || (of === "p" && late)) return null;
  const outcome = KINDS[of].outcome(store, said);
  if (outcome === null) return { guess: {} };
  const edit = of === "p" && store.get("here") !== null ? { edit: store.get("here") } : {};
  return { guess: {}, guesses: [...store.get("guesses"), { of, said, ...outcome, ...edit }] };
}

/** The last prediction, if it was of P and of what is shown now; else null. */
export function shownGuess(store) {
  const last = store.get("guesses").at(-1);
  if (last?.of !== "p" || !store.get("revealed")) return null;
  const now = KINDS.p.outcome(store);
  return now && Math.abs(now.truth - last.truth) < 1e-9 ? last : null;
}

/** How well a class predicts: predictions of numbers and their mean absolute gap; the others, and how many were right. */
export function standing(guesses) {
  const gaps = guesses.filter(({ right }) => right === undefined).map(({ said, truth }) => Math.abs(said - truth));
  const choices = guesses.filter(({ right }) => right !== undefined);
  return {
    n: gaps.length, gap: gaps.length ? gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length : null,
    choices: choices.length, right: choices.filter(({ right }) => right).length,
  };
}

/** A probability with two digits, never rounded to 0 or 1. */
export const inTwoDigits = (p) => (p > 0.995 ? "over 0.99" : p < 0.005 ? "under 0.01" : p.toFixed(2));

/** A comparison in words: "You said 0.90, the model says 0.73: 0.17 too high." */
export function comparedInWords({ of, said, truth, right }) {
  if (of === "pair") {
    const verdict = right ? "the model does get it wrong" : truth === 0 ? "the model gives both responses one score" : "the model gets it right";
    return `You said that the model gets pair ${said + 1} wrong: ${verdict}.`;
  }
  if (of === "head") return `You said ${HEADS[said] ?? said}: ${right ? "that is right" : `it is ${HEADS[truth] ?? truth}`}.`;
  const gap = said - truth;
  const apart = Math.abs(gap) < 0.005 ? "they agree" : `${Math.abs(gap).toFixed(2)} too ${gap > 0 ? "high" : "low"}`;
  const claim = {
    accuracy: (value) => `You said an accuracy of ${value} at the last step; it is`,
    agreement: (value) => `You said that the two prefer the same response on a share of ${value} of the pairs; it is`,
  }[of] ?? ((value) => `You said ${value}, the model says`);
  return `${claim(said.toFixed(2))} ${inTwoDigits(truth)}: ${apart}.`;
}

/** The standing of a class in words; empty before its first prediction. */
export function standingInWords(guesses) {
  const { n, gap, choices, right } = standing(guesses);
  const numbers = n === 1 ? "number" : "numbers";
  return [
    n ? `${n} ${numbers} predicted, on average ${gap.toFixed(2)} off.` : "",
    choices ? `${choices} ${choices === 1 ? "choice" : "choices"} predicted, ${right} right.` : "",
  ].filter(Boolean).join(" ");
}
