// The checks of rmlab/audit that need only scores of texts, under the same names. Each returns a status ("kept", "broken"
// or "not applicable") and what was measured; `means` says what the check shows, and what a failure would mean.
import { Z95 } from "../charts/bins.js";
import { signed } from "../charts/chart.js";

const SPREAD_SHARE = 1e-3; // two scores are the same within this share of the spread of the scores,
const ROUNDING = 2e-6; // or within this share of the largest score, whichever is more
const COMPARED = 12; // texts that are scored in several ways
const PAIRS = 32; // pairs whose two texts are scored
const SWAPPED = 8; // pairs whose responses are swapped
const TIES = 0.05; // the largest share of pairs that may have equal scores
const LONG = 0.5; // a rank correlation: beyond it, length alone explains a quarter of the variance
const LEAST_PAIRS = 30;
const LONGEST = "Tea came to Britain by way of Holland and Portugal. At first it was sold by chemists, as a cure for headaches. ".repeat(90); // 2,000 tokens

const kept = (found) => ({ status: "kept", found });
const broken = (found) => ({ status: "broken", found });
const notApplicable = (found) => ({ status: "not applicable", found });
const small = (value) => (value === 0 ? "0" : value < 1e-4 ? value.toExponential(0).replace("-", "−") : value.toPrecision(2));
const largest = (values) => values.reduce((most, value) => (Number.isNaN(value) ? Infinity : Math.max(most, value)), 0);
const gaps = (one, other) => one.map((value, i) => Math.abs(value - other[i]));

/** The scores of texts, in their order, computed in batches of a given size. */
async function inBatches(client, items, size) {
  const scores = [];
  for (let start = 0; start < items.length; start += size) scores.push(...await client.score(items.slice(start, start + size)));
  return scores;
}

const alone = (client, items) => inBatches(client, items, 1);

function within(context, what, ways) {
  const worst = largest(ways);
  return worst <= context.tolerance ? kept(`${what} differ by ${small(worst)} at most`) : broken(`${what} differ by up to ${small(worst)}`);
}

export const CHECKS = [
  {
    name: "repeat",
    means: "A text that is scored twice gets the same score. Dropout that was left on makes each score random.",
    async run({ client, compared, context }) {
      return within(context, "Scores of the same text", gaps(await alone(client, compared.items), compared.scores));
    },
  },
  {
    name: "batch size",
    means: "A text has the same score alone and in a batch, where shorter texts are padded. A wrong pad token or mask makes padding count.",
    async run({ client, compared, context }) {
      const ways = [];
      for (const size of [2, 3, 8]) ways.push(...gaps(await inBatches(client, compared.items, size), compared.scores));
      const ends = [compared.shortest, compared.longest]; // with the most padding
      ways.push(...gaps(await client.score(ends.map((i) => compared.items[i])), ends.map((i) => compared.scores[i])));
      return within(context, "Alone and in batches of 2, 3 and 8, scores", ways);
    },
  },
  {
    name: "order",
    means: "A batch in another order gives each text the same score. If it does not, the texts of a batch affect one another.",
    async run({ client, compared, context }) {
      const straight = await inBatches(client, compared.items, 8);
      const reversed = [];
      for (let start = 0; start < compared.items.length; start += 8) {
        reversed.push(...(await client.score(compared.items.slice(start, start + 8).reverse())).reverse());
      }
      return within(context, "In batches of 8 and in their reverse, scores", gaps(straight, reversed));
    },
  },
  {
    name: "antisymmetry",
    means: "The difference of a pair changes its sign, and nothing else, when its responses are swapped. If it does not, the position of a response counts.",
    async run({ client, pairs, context }) {
      const ways = [];
      for (const { prompt, responses } of pairs.slice(0, SWAPPED)) {
        const items = responses.map((response) => ({ prompt, response }));
        const [a, b] = await client.score(items);
        const [second, first] = await client.score([...items].reverse());
        ways.push(Math.abs((a - b) + (second - first)) / 2); // each of the two differences has two scores in it
      }
      return within(context, `Swapped, ${ways.length} score differences and their opposites`, ways);
    },
  },
  {
    name: "equal scores",
    means: "Two different responses have different scores. If they do not, the score may be read at the end of the prompt.",
    async run({ pairs }) {
      const different = pairs.filter(({ responses: [a, b] }) => a !== b);
      if (!different.length) return notApplicable("no pair has two different responses");
      const equal = different.filter(({ scores: [a, b] }) => a === b).length;
      const found = `${equal} of ${different.length} pairs have equal scores`;
      return equal <= TIES * different.length ? kept(found) : broken(found);
    },
  },
  {
    name: "finite",
    means: "Every text has a finite score, even an empty text and one that is longer than the model can read. A NaN makes every comparison false.",
    async run({ client, pairs, unscored }) {
      const odd = [["an empty response", ""], ["a text of 2,000 tokens", LONGEST]];
      for (const [what, response] of odd) {
        const [score] = await client.score([{ prompt: pairs[0]?.prompt ?? "Go on.", response }]).catch((error) => [error.message]);
        if (!Number.isFinite(score)) return broken(`${what} gives ${typeof score === "string" ? `“${score}”` : `a score of ${score}`}`);
      }
      if (unscored.length) return broken(`${unscored.length} texts have no score; the first: ${unscored[0]}`);
      return kept(`${2 * pairs.length} texts, an empty response, and one of 2,000 tokens`);
    },
  },
  {
    name: "length",
    means: "Score differences are more than differences of length. A policy trained on a model that likes length writes long answers.",
    async run({ client, pairs }) {
      if (pairs.length < LEAST_PAIRS) return notApplicable(`needs ${LEAST_PAIRS} pairs, got ${pairs.length}`);
      const differences = [];
      for (const { prompt, responses } of pairs) {
        const [a, b] = await Promise.all(responses.map(async (response) => (await client.tokens({ prompt, response })).spans.filter(Boolean).length));
        differences.push(a - b);
      }
      const r = rankCorrelation(pairs.map(({ scores: [a, b] }) => a - b), differences);
      if (r === null) return notApplicable("all differences are equal");
      const half = Z95 * Math.sqrt((1 + (r * r) / 2) / (pairs.length - 3)); // Bonett and Wright (2000)
      const z = Math.atanh(Math.min(Math.max(r, -1 + 1e-9), 1 - 1e-9));
      const [low, high] = [Math.tanh(z - half), Math.tanh(z + half)];
      const found = `rank correlation ${signed(r)} (${signed(low)} to ${signed(high)}) with the difference of lengths, ${pairs.length} pairs`;
      return low <= LONG && high >= -LONG ? kept(found) : broken(found);
    },
  },
  {
    name: "doubled spaces",
    means: "Two spaces in place of one change no meaning, so the score should not move. (One change of rmlab audit --robustness, which tries many.)",
    async run({ client, compared, context }) {
      const changed = compared.items.map(({ prompt, response }) => ({ prompt, response: response.replace(/(?<=\S) (?=\S)/g, "  ") }));
      const moved = changed.flatMap((item, i) => (item.response === compared.items[i].response ? [] : [[item, compared.scores[i]]]));
      if (!moved.length) return notApplicable("no response has a space");
      return within(context, `With doubled spaces, scores of ${moved.length} responses`, gaps(await alone(client, moved.map(([item]) => item)), moved.map(([, score]) => score)));
    },
  },
];

/**
 * Run the checks on some of the pairs `{ prompt, responses: [a, b] }`. Calls `heard({ name, means, status, found })` for
 * each check as it ends, and before that `scored(n, all)` with the number of texts that have a score; returns null where `isStale()`
 * ended it, else `{ spread, tolerance, n }`.
 */
export async function audit(client, given, heard, { isStale = () => false, scored = () => {} } = {}) {
  const chosen = evenly(given, PAIRS);
  const unscored = [];
  const scoreOf = async (item) => {
    try {
      const [score] = await client.score([item]);
      if (!Number.isFinite(score)) unscored.push(`a score of ${score}`);
      return score;
    } catch (error) {
      if (["closed", "memory"].includes(error.kind)) throw error;
      unscored.push(error.message);
      return NaN;
    }
  };
  const pairs = [];
  let nScored = 0;
  for (const { prompt, responses } of chosen) {
    if (isStale()) return null;
    const scores = [];
    for (const response of responses) scores.push(await scoreOf({ prompt, response }));
    scored((nScored += 2), 2 * chosen.length);
    if (scores.every(Number.isFinite)) pairs.push({ prompt, responses, scores });
  }
  const all = pairs.flatMap(({ prompt, responses, scores }) => responses.map((response, i) => ({ prompt, response, score: scores[i] })));
  const compared = comparedOf(all);
  const context = { spread: spreadOf(all.map(({ score }) => score)), tolerance: 0 };
  context.tolerance = Math.max(SPREAD_SHARE * context.spread, ROUNDING * largest(all.map(({ score }) => Math.abs(score))));
  for (const { name, means, run } of CHECKS) {
    if (isStale()) return null;
    const missing = !pairs.length && name !== "finite";
    heard({ name, means, ...(missing ? notApplicable("no text has a finite score; see finite") : await run({ client, pairs, compared, context, unscored })) });
  }
  return { ...context, n: all.length };
}

/** At most n items of a list, evenly spaced from the first to the last. */
function evenly(list, n) {
  if (list.length <= n) return list;
  return Array.from({ length: n }, (_, i) => list[Math.floor((i * (list.length - 1)) / (n - 1))]);
}

/** Some of the texts, from the shortest to the longest, in their order. */
function comparedOf(all) {
  const length = ({ prompt, response }) => prompt.length + response.length;
  const byLength = all.map((_, i) => i).sort((i, j) => length(all[i]) - length(all[j]));
  const places = evenly(byLength, COMPARED).sort((i, j) => i - j);
  const chosen = places.map((i) => all[i]);
  const lengths = chosen.map(length);
  return {
    items: chosen.map(({ prompt, response }) => ({ prompt, response })), scores: chosen.map(({ score }) => score),
    shortest: lengths.indexOf(Math.min(...lengths)), longest: lengths.indexOf(Math.max(...lengths)),
  };
}

function spreadOf(scores) {
  const mean = scores.reduce((sum, one) => sum + one, 0) / Math.max(scores.length, 1);
  return Math.sqrt(scores.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(scores.length, 1));
}

/** Spearman's rank correlation of two lists; null if one of them is constant. */
function rankCorrelation(one, other) {
  const ranks = [one, other].map((values) => {
    const sorted = [...values].sort((a, b) => a - b);
    return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 - (values.length - 1) / 2);
  });
  const product = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const size = Math.sqrt(product(ranks[0], ranks[0]) * product(ranks[1], ranks[1]));
  return size ? product(...ranks) / size : null;
}
