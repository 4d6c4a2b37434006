// What a rater rewards: a linear reward on attributes, as rmlab/labels/rewarded.py fits it.
import { Z95 } from "../charts/bins.js";
import { preferenceProbability } from "../core/preference.js";
import { fitLinearReward } from "./linear_reward.js";
import { preferred } from "./session.js";

const LEFT = "on the left"; // the attribute for the side on which a response was shown; its weight is the side bias
const PRIOR_VARIANCE = 4; // of each weight, in nats squared, for a change of one unit
const MOST = 1e6; // times as many labels

/** Rows and how often each counts: a tie is half a win each way. `rowOf(entry)`: what its first response has more of. */
export function wins(entries, rowOf) {
  const rows = [];
  const times = [];
  for (const entry of entries) {
    const said = preferred(entry);
    const row = rowOf(entry);
    const opposite = row.map((value) => -value);
    if (said !== -1) rows.push(row);
    if (said !== 1) rows.push(opposite);
    times.push(...(said === 0 ? [0.5, 0.5] : [1]));
  }
  return { rows, times };
}

/**
 * Fit the attributes of `questions` (`{ places, traits: { names, differences } }`) to the current entries; null if
 * none of them is a judgement.
 */
export function fitRewarded(entries, { places, traits }) {
  const judged = entries.filter((entry) => preferred(entry) !== null && places.has(entry.pair));
  if (!judged.length) return null;
  const rowOf = ({ pair, swapped }) => [...traits.differences[places.get(pair)], swapped ? -1 : 1];
  const { rows, times } = wins(judged, rowOf);
  const fit = fitLinearReward(rows, { priorVariance: PRIOR_VARIANCE, times });
  const differing = [...traits.names, LEFT].map((_, j) => judged.filter((entry) => rowOf(entry)[j] !== 0).length);
  const errors = fit.standardErrors();
  return {
    weights: [...traits.names, LEFT].map((attribute, j) => {
      const [lower, upper] = [-1, 1].map((side) => fit.weights[j] + side * Z95 * errors[j]);
      return { attribute, value: fit.weights[j], lower, upper, n_pairs: differing[j], clear: lower > 0 || upper < 0 };
    }),
    labels: judged.length,
    moreForHalf: () => moreForHalf(fit, differing, judged.length),
    probabilityLeft: (entry) => {
      const sign = entry.swapped ? -1 : 1;
      const shown = [...traits.differences[places.get(entry.pair)].map((value) => sign * value), 1];
      return preferenceProbability(shown.reduce((sum, value, j) => sum + value * fit.weights[j], 0));
    },
  };
}

/** Further labels of such pairs that would halve the intervals, on average over the attributes that differ; null if none differs. */
function moreForHalf(fit, differing, n) {
  const known = differing.flatMap((count, j) => (count ? [j] : []));
  if (!known.length) return null;
  const now = fit.standardErrors();
  const excess = (factor) => {
    const then = fit.standardErrors(factor);
    return known.reduce((sum, j) => sum + then[j] / now[j], 0) / known.length - 0.5;
  };
  let high = 4;
  while (excess(high) > 0) {
    high *= 2;
    if (high > MOST) return null;
  }
  let low = 1;
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (excess(middle) > 0) low = middle;
    else high = middle;
  }
  return Math.ceil((high - 1) * n - 1e-6);
}
