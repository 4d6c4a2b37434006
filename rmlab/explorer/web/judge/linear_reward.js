// A reward that is linear in features, fitted to preferences: the browser's copy of rmlab.bradley_terry.fit_linear_reward,
// which also fits a reward model's head on its features. Tests compare the weights with Python's.
//
// If there are fewer labels than features, the differences span a small space. Under the prior the weights lie in it, so
// the fit uses an orthonormal basis of that space: 40 labels need 40 unknowns, not 384.
import { preferenceLoss, preferenceProbability } from "../core/preference.js";

const NOTHING_NEW = 1e-10; // of a row's length: a smaller rest is rounding
const MOST_STEPS = 100;
const CONVERGED = 1e-10; // of the largest gradient at the start

const dot = (a, b) => {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
};

/**
 * Fit `w` to rows of `phi(chosen) - phi(rejected)`: minimise `sum(times * -log sigmoid(w . d)) + |w|^2 / (2 priorVariance)`.
 *
 * `times`: how often each row counts, by default once. Returns `weights`; `logLoss`, the mean in nats; `difference(d)`, the
 * reward of a difference of features and its standard error; and `standardErrors(factor)`, those of the weights, or what
 * they would be with `factor` times as many such rows.
 */
export function fitLinearReward(rows, { priorVariance = 1, times = rows.map(() => 1) } = {}) {
  if (!rows.length || !rows.every((row) => row.length === rows[0].length && row.every(Number.isFinite))) {
    throw new Error("a reward is fitted to rows of finite numbers, all of one length");
  }
  const width = rows[0].length;
  const { basis, coordinates } = spanOf(rows);
  const { at, gaps } = newton(coordinates, times, priorVariance, basis.length);
  const weights = new Float64Array(width);
  basis.forEach((one, k) => { for (let j = 0; j < width; j += 1) weights[j] += at[k] * one[j]; });
  const all = times.reduce((sum, one) => sum + one, 0);
  const factored = new Map(); // factor -> Cholesky factor of the precision
  const precision = (factor) => {
    if (!factored.has(factor)) factored.set(factor, cholesky(curvature(coordinates, gaps, times, priorVariance, factor)));
    return factored.get(factor);
  };
  const error = (inside, square, factor) => {
    const beyond = Math.max(0, square - dot(inside, inside)); // in directions that the rows do not determine, only the prior does
    return Math.sqrt(dot(inside, solved(precision(factor), inside)) + priorVariance * beyond);
  };
  return {
    weights,
    logLoss: gaps.reduce((sum, gap, i) => sum + times[i] * preferenceLoss(gap), 0) / all,
    difference: (d) => ({ value: dot(weights, d), error: error(basis.map((one) => dot(one, d)), dot(d, d), 1) }),
    standardErrors: (factor = 1) => Array.from(weights, (_, j) => error(basis.map((one) => one[j]), 1, factor)),
  };
}

/** An orthonormal basis of what the rows span, and the rows in it; by Gram and Schmidt, twice, since once is not exact. */
function spanOf(rows) {
  const basis = [];
  for (const row of rows) {
    const left = Float64Array.from(row);
    for (let round = 0; round < 2; round += 1) {
      for (const one of basis) {
        const part = dot(one, left);
        for (let j = 0; j < left.length; j += 1) left[j] -= part * one[j];
      }
    }
    const length = Math.sqrt(dot(left, left));
    if (length > NOTHING_NEW * Math.sqrt(dot(row, row))) basis.push(left.map((value) => value / length));
  }
  return { basis, coordinates: rows.map((row) => Float64Array.from(basis, (one) => dot(one, row))) };
}

/** Newton's method from 0, each step halved until the objective falls. */
function newton(rows, times, priorVariance, size) {
  let at = new Float64Array(size);
  let gaps = rows.map(() => 0);
  const objective = (point, differences) => differences.reduce((sum, gap, i) => sum + times[i] * preferenceLoss(gap), dot(point, point) / (2 * priorVariance));
  let scale = null;
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const slope = Float64Array.from(at, (value) => value / priorVariance);
    rows.forEach((row, i) => {
      const pull = times[i] * preferenceProbability(-gaps[i]);
      for (let k = 0; k < size; k += 1) slope[k] -= pull * row[k];
    });
    const steepest = slope.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    scale ??= steepest || 1;
    if (steepest <= CONVERGED * scale) break;
    const way = solved(cholesky(curvature(rows, gaps, times, priorVariance, 1)), slope);
    const before = objective(at, gaps);
    let length = 1;
    for (;;) {
      const next = at.map((value, k) => value - length * way[k]);
      const found = rows.map((row) => dot(row, next));
      if (objective(next, found) <= before || length < 1e-9) {
        [at, gaps] = [next, found];
        break;
      }
      length /= 2;
    }
    if (length < 1e-9) break; // rounding leaves nothing to gain
  }
  return { at, gaps };
}

/** `factor` times the information of the rows, and the prior's part. */
function curvature(rows, gaps, times, priorVariance, factor) {
  const size = rows[0].length;
  const made = Array.from({ length: size }, (_, k) => { const row = new Float64Array(size); row[k] = 1 / priorVariance; return row; });
  rows.forEach((row, i) => {
    const weight = factor * times[i] * preferenceProbability(gaps[i]) * preferenceProbability(-gaps[i]);
    for (let k = 0; k < size; k += 1) {
      const part = weight * row[k];
      if (part) for (let l = 0; l <= k; l += 1) made[k][l] += part * row[l];
    }
  });
  return made; // its lower half
}

/** The lower Cholesky factor of a symmetric matrix, whose lower half is read. */
function cholesky(matrix) {
  const made = matrix.map((row) => Float64Array.from(row));
  for (let k = 0; k < made.length; k += 1) {
    for (let l = 0; l <= k; l += 1) {
      let sum = made[k][l];
      for (let m = 0; m < l; m += 1) sum -= made[k][m] * made[l][m];
      made[k][l] = k === l ? Math.sqrt(sum) : sum / made[l][l];
    }
  }
  return made;
}

/** The solution of a linear system whose matrix has this Cholesky factor. */
function solved(factor, right) {
  const size = factor.length;
  const x = Float64Array.from(right);
  for (let k = 0; k < size; k += 1) {
    for (let l = 0; l < k; l += 1) x[k] -= factor[k][l] * x[l];
    x[k] /= factor[k][k];
  }
  for (let k = size - 1; k >= 0; k -= 1) {
    for (let l = k + 1; l < size; l += 1) x[k] -= factor[l][k] * x[l];
    x[k] /= factor[k][k];
  }
  return x;
}
