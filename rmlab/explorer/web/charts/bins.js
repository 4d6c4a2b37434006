// The calibration of some of the pairs: the bins of rmlab.evaluate, computed again when the filter changes.
import { preferenceProbability } from "../core/preference.js";
import { verdictOn } from "../core/rows.js";

/** Half the width of a 95% interval, in standard errors. */
export const Z95 = 1.959963984540054;

/**
 * Bins as in rmlab.evaluate, of the rows that were not judged a tie. For the interval, the pairs of one prompt count as one
 * repeated judgement, which is what Python falls back on; if every prompt has one pair, the two are equal.
 */
export function calibrationOf(columns, rows) {
  const n = columns.evaluation?.n_bins ?? 1;
  const bins = new Map();
  for (const row of rows) {
    const verdict = verdictOn(columns, row);
    if (verdict === "equal" || verdict === "tied") continue;
    const sure = preferenceProbability(Math.abs(columns.difference[row]));
    const at = Math.min(Math.floor((sure - 0.5) * 2 * n), n - 1);
    if (!bins.has(at)) bins.set(at, { count: 0, sure: 0, right: 0, clusters: new Map() });
    const bin = bins.get(at);
    bin.count += 1;
    bin.sure += sure;
    bin.right += verdict === "agrees" ? 1 : 0;
    bin.clusters.set(columns.cluster[row], (bin.clusters.get(columns.cluster[row]) ?? 0) + 1);
  }
  return [...bins].sort(([one], [other]) => one - other).map(([at, { count, sure, right, clusters }]) => {
    const squares = [...clusters.values()].reduce((sum, held) => sum + held ** 2, 0);
    return {
      lower: 0.5 + (0.5 * at) / n, upper: 0.5 + (0.5 * (at + 1)) / n, count, mean_probability: sure / count,
      observed_share: right / count, interval: wilson(right / count, count ** 2 / squares),
    };
  });
}

/** Wilson's 95% interval for a share of n. */
export function wilson(share, n) {
  const centre = (share * n + Z95 ** 2 / 2) / (n + Z95 ** 2);
  const half = (Z95 * Math.sqrt(share * (1 - share) * n + Z95 ** 2 / 4)) / (n + Z95 ** 2);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
