// What each token adds to a score, found by leaving it out: leave-one-out of rmlab/attribution.py, in the browser.
import { signed } from "../charts/chart.js";

const BATCH_TOKENS = 1024; // in a request to the model, so that the next key does not wait longer
const TOLERANCE = 1e-3; // tokens add up to within this share of their absolute sum, or this in nats
/** The most tokens of both responses together: for each, a whole text is scored. */
export const MOST_TOKENS = 240;

/**
 * What each token of a response adds to its score, in nats: `{ text, spans, values, score, without }`, as Python's
 * `Attribution` has them. Null once `isStale()`, when nobody waits for it any longer.
 */
export async function leaveOut(client, item, isStale = () => false) {
  const { ids, text, spans } = await client.tokens(item);
  const columns = ids.flatMap((_, i) => (spans[i] ? [i] : []));
  const gone = new Set(columns);
  const lists = [ids, ids.filter((_, i) => !gone.has(i)), ...columns.map((column) => ids.filter((_, i) => i !== column))];
  const size = Math.max(1, Math.floor(BATCH_TOKENS / ids.length));
  const scores = [];
  while (scores.length < lists.length) {
    if (isStale()) return null;
    scores.push(...await client.scoreIds(lists.slice(scores.length, scores.length + size)));
  }
  const [score, without, ...others] = scores;
  return { text, spans: columns.map((i) => spans[i]), values: others.map((one) => score - one), score, without };
}

/** The text of an attribution cut into [piece, what it adds], with null for what is not a token; tokens that share a character are one piece. */
export function pieces({ text, spans, values }) {
  const cut = [];
  let end = 0;
  spans.forEach(([start, stop], i) => {
    if (start > end) cut.push([text.slice(end, start), null]);
    if (stop <= end && cut.length) cut.at(-1)[1] = (cut.at(-1)[1] ?? 0) + values[i];
    else cut.push([text.slice(Math.max(start, end), stop), values[i]]);
    end = Math.max(end, stop);
  });
  return end < text.length ? [...cut, [text.slice(end), null]] : cut;
}

/** What the tokens of a text that is shown add, without what a chat template writes around it; of a text that is read in another form, nothing. */
function within({ text, spans, values }, shown) {
  const at = text.indexOf(shown.toWellFormed());
  const inside = at < 0 ? [] : spans.map((span) => span.map((place) => Math.min(shown.length, Math.max(0, place - at))));
  const kept = inside.flatMap(([start, end], i) => (start < end ? [i] : []));
  return { text: shown, spans: kept.map((i) => inside[i]), values: kept.map((i) => values[i]) };
}

const total = (values) => values.reduce((sum, value) => sum + value, 0);
const toleranceOf = ({ values }) => TOLERANCE * Math.max(1, total(values.map(Math.abs)));

/** What the tokens of two responses add up to, in words. */
export function inWords(a, b) {
  const sums = [total(a.values), -total(b.values)];
  const difference = a.score - b.score;
  const rest = difference - sums[0] - sums[1];
  const tolerance = toleranceOf(a) + toleranceOf(b);
  const up = Math.abs(rest) <= tolerance ? `They add up, to within ${tolerance.toFixed(3)}.` : `They do not add up: ${signed(rest, 3)} remains that no single token adds.`;
  return `The difference is ${signed(difference, 3)}: the tokens of A add ${signed(sums[0], 3)} to it, those of B ${signed(sums[1], 3)} (leave-one-out). ${up}`;
}

/**
 * The trait `attribution` of two responses, as the probe shows it: `{ a, b, words }` with pieces and what they add; null
 * once `isStale()`.
 */
export async function explained(client, { prompt, responses }, isStale) {
  const items = responses.map((response) => ({ prompt, response }));
  const read = await Promise.all(items.map((item) => client.tokens(item)));
  const n = total(read.map(({ spans }) => spans.filter(Boolean).length));
  if (n > MOST_TOKENS) {
    return { words: `These responses have ${n} tokens. Leaving out each of them would take too long here: the limit is ${MOST_TOKENS}. A notebook uses gradients instead.` };
  }
  const found = [];
  for (const item of items) found.push(isStale() ? null : await leaveOut(client, item, isStale));
  if (found.includes(null) || isStale()) return null;
  const [a, b] = found.map((one, i) => pieces(within(one, responses[i])));
  return { a, b, words: inWords(...found) };
}

/** Keep the trait `attribution` up to date with the texts while `explain` is on; returns a function that ends it. */
export function explaining(store, client) {
  const texts = () => ({ prompt: store.get("prompt"), responses: [store.get("response_a"), store.get("response_b")] });
  const key = () => (store.get("explain") ? JSON.stringify(texts()) : "");
  let running = ""; // key of what is being worked out
  let last = { key: "", attribution: null };
  let ended = false;
  async function follow() {
    const mine = key();
    if (!mine || running === mine || store.get("answered") !== store.get("request")) return;
    if (last.key === mine) {
      if (store.get("attribution") !== last.attribution) store.set({ attribution: last.attribution }); // the same texts were answered again
      return;
    }
    running = mine;
    const isStale = () => ended || key() !== mine;
    const attribution = await explained(client, texts(), isStale)
      .catch((error) => ({ words: `What each token adds is not known: ${error.message}` }));
    if (running === mine) running = "";
    if (!attribution || isStale()) return;
    last = { key: mine, attribution };
    store.set({ attribution });
  }
  const off = store.on(["explain", "answered", "prompt", "response_a", "response_b"], follow);
  follow();
  return () => { ended = true; off(); };
}
