// The browser's one copy of rmlab/preference.py. Tests compare the two on a grid to 1e-12.
// A difference is score(A) - score(B), in log-odds (nats), already divided by the temperature.

/** P(A is preferred to B), exact where an exponential would overflow. */
export function preferenceProbability(difference) {
  const below = Math.exp(Math.min(difference, 0));
  return below / (below + Math.exp(-Math.max(difference, 0)));
}

/** -log P of the judgement "A is better", in nats. */
export function preferenceLoss(difference) {
  return Math.log1p(Math.exp(-Math.abs(difference))) + Math.max(-difference, 0);
}

/** How far scores agree with a label: 1 where the chosen one's is higher, 0 where lower, one half where they are equal; the one rule for equal scores. */
export function outcome(difference) {
  return (Math.sign(difference) + 1) / 2;
}

/** P / (1 - P). */
export function preferenceOdds(difference) {
  return Math.exp(difference);
}

/** Loss of the judgement `winner` ("a", "b" or "tie": half a win for each) on two scores divided by the temperature. */
export function judgementLoss(scoreDifference, winner, temperature) {
  const d = scoreDifference / temperature;
  if (winner === "tie") return (preferenceLoss(d) + preferenceLoss(-d)) / 2;
  return preferenceLoss(winner === "a" ? d : -d);
}

/** Slope of `judgementLoss` in the score difference: the gradient for A's score, and minus the gradient for B's. */
export function judgementSlope(scoreDifference, winner, temperature) {
  const label = { a: 1, b: 0, tie: 0.5 }[winner];
  return (preferenceProbability(scoreDifference / temperature) - label) / temperature;
}
