// Guesses of a rater's clicks, each from a fit to the judgements before it: rmlab/labels/guesses.py in the browser.
import { outcome, preferenceLoss } from "../core/preference.js";

/** Judgements before the first guess. */
export const GUESS_AFTER = 20;
const LATEST = 100; // the most clicks that the score counts: when a session is resumed, each needs a fit

/**
 * Keep guesses: `score(stands)` scores those of the current judgements, without ties; null before there are any.
 * `guess(before, entry)` returns the probability of the left, or null if it cannot tell yet; a guess is never changed.
 */
export function guesses(guess) {
  const said = new Map(); // key of an entry -> probability of the left
  return {
    score(stands) {
      const scored = [];
      stands.forEach((entry, n) => {
        if (n < Math.max(GUESS_AFTER, stands.length - LATEST) || !["left", "right"].includes(entry.verdict)) return;
        if (!said.has(entry.key)) {
          const found = guess(stands.slice(0, n), entry);
          if (found === null) return;
          said.set(entry.key, found);
        }
        scored.push({ left: said.get(entry.key), was: entry.verdict === "left" });
      });
      if (!scored.length) return null;
      const right = ({ left, was }) => outcome((left - 0.5) * (was ? 1 : -1)); // a guess of exactly one half is half right
      const last = scored.at(-1);
      return {
        n: scored.length,
        n_right: scored.reduce((sum, one) => sum + right(one), 0),
        expected_right: scored.reduce((sum, { left }) => sum + Math.max(left, 1 - left), 0),
        log_loss: scored.reduce((sum, { left, was }) => sum + lossOf(was ? left : 1 - left), 0) / scored.length,
        last_left: last.left,
        last_right: right(last),
      };
    },
  };
}

function lossOf(probability) {
  const p = Math.min(Math.max(probability, 1e-12), 1 - 1e-12);
  return preferenceLoss(Math.log(p / (1 - p)));
}
