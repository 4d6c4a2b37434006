// The reader's own head: a reward model's head, fitted again to the labels that were given in this page.
//
// The live model reads both responses of each judged pair, and returns the vectors that its head reads. Their difference
// is a row. The fit is that of rmlab.training.fit_head except for ties, which are half a win each way here and left out
// there. Its accuracy is measured on labels that it was not fitted to.
import { wilson } from "../charts/bins.js";
import { outcome, preferenceProbability } from "../core/preference.js";
import { GUESS_AFTER } from "./guesses.js";
import { fitLinearReward } from "./linear_reward.js";
import { pause } from "./refusal.js";
import { wins } from "./rewarded.js";
import { preferred } from "./session.js";

/** Its name on the page. */
export const OWN_HEAD = "your own head";
/** The number of labels from which on it is fitted. */
export const ENOUGH = GUESS_AFTER;
const FOLDS = 10;
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** phi(first) - phi(second), in float64. */
export const differenceOfFeatures = (first, second) => Float64Array.from(first, (value, i) => value - second[i]);

/**
 * A head for the labels of a desk. `use(client, weights)` sets its live model, whose own head has these weights, if they
 * are known. The model then reads the judged pairs, first the one that is shown, and goes on as labels come.
 */
export function ownHead(desk, questions) {
  const differences = new Map(); // place of a pair -> the difference of its features, or null where it cannot be read
  const listeners = new Set();
  let client = null;
  let modelWeights = null;
  let working = false;
  let failure = "";
  let made = { of: null, n: 0, fit: null, accuracy: null, ofModel: null };

  const place = (entry) => desk.places.get(entry.pair);
  const row = (entry) => differences.get(place(entry));
  const usable = (entries) => entries.filter((entry) => preferred(entry) !== null && row(entry));
  const wanted = () => [desk.shownPlace(), ...desk.stands().map(place).reverse()].find((one) => one !== null && !differences.has(one));
  const told = () => listeners.forEach((listen) => listen());

  async function work() {
    if (working || !client || failure) return;
    working = true;
    for (let next = wanted(); next !== undefined && !failure; next = wanted()) {
      const { prompt, first, second } = questions[next];
      try {
        const [one, other] = await client.features([first, second].map((response) => ({ prompt, response })));
        differences.set(next, differenceOfFeatures(one, other));
      } catch (error) {
        if (error.kind === "too-long") differences.set(next, null);
        else failure = error.message;
      }
      told();
    }
    working = false;
  }

  function fitTo(entries) {
    const { rows, times } = wins(usable(entries), row);
    return rows.length ? fitLinearReward(rows, { times }) : null;
  }

  /** The fit to the current labels, made again once their pairs are read; its accuracy follows later. */
  function current() {
    const stands = desk.stands();
    const rows = usable(stands);
    const of = JSON.stringify([rows.map(({ key }) => key), modelWeights !== null]);
    if (made.of !== of && stands.every((entry) => differences.has(place(entry)))) {
      made = { of, n: rows.length, fit: rows.length >= ENOUGH ? fitTo(rows) : null, accuracy: null, ofModel: null };
      if (made.fit) assess(made, rows);
    }
    return made;
  }

  /**
   * Measure accuracy on judgements of prompts that a fit had not seen: ten folds, all pairs of a prompt in one. Each fit
   * is a task of its own, so that no click waits for all ten.
   */
  async function assess(mine, rows) {
    const prompts = [...new Set(rows.map(promptOf))];
    const foldOf = new Map(prompts.map((prompt, i) => [prompt, i % FOLDS]));
    const fits = [];
    for (let fold = 0; fold < Math.min(FOLDS, prompts.length); fold += 1) {
      await pause(0);
      if (made !== mine) return; // the labels have changed by now
      fits.push(fitTo(rows.filter((entry) => foldOf.get(promptOf(entry)) !== fold)));
    }
    mine.ofModel = modelWeights && shareRight(rows, (entry) => dot(row(entry), modelWeights));
    mine.accuracy = prompts.length < 2 ? null : shareRight(rows, (entry) => dot(row(entry), fits[foldOf.get(promptOf(entry))].weights));
    told();
  }

  /** The share of judgements, without ties, that a reward of differences agrees with, as { value, lower, upper, n }. */
  function shareRight(rows, reward) {
    const sided = rows.filter((entry) => preferred(entry) !== 0);
    if (!sided.length) return null;
    const right = sided.reduce((sum, entry) => sum + outcome(reward(entry) * preferred(entry)), 0);
    const held = new Map();
    sided.forEach((entry) => held.set(promptOf(entry), (held.get(promptOf(entry)) ?? 0) + 1));
    const squares = [...held.values()].reduce((sum, count) => sum + count ** 2, 0); // judgements of one prompt count as one that is repeated
    const [lower, upper] = wilson(right / sided.length, sided.length ** 2 / squares);
    return { value: right / sided.length, lower, upper, n: sided.length };
  }
  const promptOf = (entry) => JSON.stringify(questions[place(entry)].prompt);

  desk.on(() => { work(); told(); });
  return {
    /** Let this model read the pairs from now on. */
    use(live, weights = null) {
      client = live;
      modelWeights = weights;
      failure = "";
      work();
      told();
    },
    /** Whether it can guess. */
    ready: () => client !== null,
    /** The probability of the left from a fit to the clicks before this one; null if it cannot tell yet. */
    guess(before, entry) {
      const mine = row(entry);
      if (!mine || !before.every((one) => differences.has(place(one)))) return null;
      const fit = fitTo(before);
      if (!fit) return 0.5;
      const difference = dot(mine, fit.weights);
      return preferenceProbability(entry.swapped ? -difference : difference);
    },
    /** Its state: labels so far, how many are missing, how many pairs have been read, and the accuracy of the fit. */
    state() {
      const stands = desk.stands().filter((entry) => preferred(entry) !== null);
      const { fit, accuracy, ofModel, n } = current();
      return {
        live: client !== null, failure, labels: stands.length, missing: Math.max(0, ENOUGH - stands.length), read: stands.filter((entry) => differences.has(place(entry))).length,
        leftOut: stands.filter((entry) => differences.get(place(entry)) === null).length, used: n, fitted: Boolean(fit), accuracy, ofModel,
      };
    },
    /** Scores for the features of two responses to one prompt, and their difference with its standard error; null before it is fitted. */
    scores(first, second) {
      const { fit } = current();
      if (!fit) return null;
      return { scores: [first, second].map((one) => dot(Float64Array.from(one), fit.weights)), ...fit.difference(differenceOfFeatures(first, second)) };
    },
    /** A text that changes whenever the fit changes. */
    version: () => current().of,
    on(listen) {
      listeners.add(listen);
      return () => listeners.delete(listen);
    },
  };
}
