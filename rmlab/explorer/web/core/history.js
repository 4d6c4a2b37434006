// Edits of three texts, as a tree: each entry keeps its parent and its changes, from which the texts can be restored.

export const TEXTS = ["prompt", "response_a", "response_b"];
const WORD = /\S/;
export const MOST = 200; // edits that are kept, and
const ROOM = 2_000_000; // characters of their changes

/** What turns one text into another: `{ at, removed, added }`, whole words where they touch; null if they are equal. */
export function change(before, after) {
  if (before === after) return null;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  // If it would cut a word, extend it to the end of the word, which also keeps the halves of an emoji together.
  const touches = (...letters) => letters.some((letter) => letter !== undefined && WORD.test(letter));
  if (touches(before[start], after[start])) while (start > 0 && WORD.test(before[start - 1])) start -= 1;
  if (touches(before[before.length - 1 - end], after[after.length - 1 - end])) while (end > 0 && WORD.test(before[before.length - end])) end -= 1;
  return { at: start, removed: before.slice(start, before.length - end), added: after.slice(start, after.length - end) };
}

/** The text after a change. */
export function applied(text, { at, removed, added }) {
  return text.slice(0, at) + added + text.slice(at + removed.length);
}

/** The texts of an entry, or of no entry: empty ones. */
export function textsOf(history, id) {
  const texts = Object.fromEntries(TEXTS.map((name) => [name, ""]));
  const way = [];
  for (let entry = find(history, id); entry; entry = find(history, entry.parent)) way.push(entry);
  for (const entry of way.reverse()) for (const each of entry.changes) texts[each.text] = applied(texts[each.text], each);
  return texts;
}

/**
 * The history with these texts as a child of the entry `here`: `{ history, here }`; null if they are those of `here`.
 * `what` names the edit if it was not typed.
 */
export function recorded(history, here, texts, what = "") {
  const before = textsOf(history, here);
  const changes = TEXTS.flatMap((name) => {
    const found = change(before[name], texts[name]);
    return found ? [{ text: name, ...found }] : [];
  });
  if (history.length && !changes.length) return null;
  const id = history.reduce((last, entry) => Math.max(last, entry.id), 0) + 1;
  return { history: kept([...history, { id, parent: here, changes, what, scores: null }]), here: id };
}

/** Names of origins of texts that were picked, and not made by editing. */
export const PICKED = /^(pair \d+|reset|example “.*”)$/;

/**
 * What texts are that nobody typed: { pair: row }, { start: true } or { example }; null for others. `columns` are those of
 * the pairs, if there are any, and `row` is the selected one, which comes before others with the same texts; `presets` are
 * the examples.
 */
export function pickedAs(texts, { columns, row, start, presets = [] }) {
  const isPair = (each) => Object.entries(SIDES).every(([name, side]) => isText(texts[name], columns, side, each));
  const rows = columns?.prompt?.length ?? 0;
  const pair = row !== null && row < rows && isPair(row) ? row : Array.from({ length: rows }, (_, each) => each).find(isPair);
  const same = (other) => TEXTS.every((name) => texts[name] === other[name]);
  if (pair !== undefined) return { pair };
  if (start && same(start)) return { start: true };
  const example = presets.find(({ state }) => same(state));
  return example ? { example } : null;
}

const SIDES = { prompt: "prompt", response_a: "chosen", response_b: "rejected" };

/** Whether a text is that of a pair; the page may have only its beginning, and the sum of the whole. */
function isText(text, columns, side, row) {
  const given = columns[side][row];
  const sum = columns.whole?.[side][row];
  return text === given || (sum !== undefined && text.startsWith(given.slice(0, -1)) && crc32(text) === sum);
}

/** The CRC-32 of a text in UTF-8, as Python's zlib has it. */
function crc32(text) {
  let sum = -1;
  for (const byte of new TextEncoder().encode(text)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return ~sum >>> 0;
}

/** What of a store `pickedAs` looks for. */
export const pickable = (store) => ({
  columns: store.get("data").pairs, row: store.get("selection"), start: store.get("start"), presets: store.get("data").probe?.presets,
});

/** The origin of texts that nobody typed, in words; "" for others. */
export function originOf(texts, known) {
  const picked = pickedAs(texts, known);
  if (picked === null) return "";
  if ("pair" in picked) return `pair ${picked.pair + 1}`;
  return "start" in picked ? "reset" : `example “${picked.example.name}”`;
}

/** The history without the oldest entries, if there is no room for them; their children become roots. */
function kept(history) {
  const sizes = history.map(({ changes }) => changes.reduce((sum, each) => sum + each.removed.length + each.added.length, 0));
  let size = sizes.reduce((sum, each) => sum + each, 0);
  let first = 0;
  while (first < history.length - 1 && (history.length - first > MOST || size > ROOM)) size -= sizes[first++];
  if (!first) return history;
  const gone = new Set(history.slice(0, first).map((entry) => entry.id));
  return history.slice(first).map((entry) => {
    if (!gone.has(entry.parent)) return entry;
    const texts = textsOf(history, entry.id);
    return { ...entry, parent: null, changes: TEXTS.filter((name) => texts[name]).map((text) => ({ text, ...change("", texts[text]) })) };
  });
}

/** How many edits were dropped. */
export function dropped(history) {
  return history.length ? history[0].id - 1 : 0;
}

/** The history with the scores of an entry filled in, and those of a second scorer; the same list where they are known. */
export function scored(history, here, scores, second = null) {
  const entry = find(history, here);
  if (!entry || String([entry.scores, entry.second ?? null]) === String([scores, second])) return history;
  return history.map((each) => (each === entry ? { ...each, scores: [...scores], ...(second && { second: [...second] }) } : each));
}

/** The edits that led to an entry, oldest first, and those that Redo leads to. */
export function trailOf(history, here) {
  const way = [];
  const asksAnew = (entry) => entry.changes.some(({ text }) => text === "prompt"); // scores of two prompts cannot be compared
  for (let entry = find(history, here); entry; entry = asksAnew(entry) ? null : find(history, entry.parent)) way.unshift(entry);
  for (let entry = newestChild(history, here); entry && !asksAnew(entry); entry = newestChild(history, entry.id)) way.push(entry);
  return way;
}

/** The entry with this id, if there is one. */
export function find(history, id) {
  return history.find((entry) => entry.id === id);
}

/** The newest child of an entry: what Redo goes to. */
export function newestChild(history, here) {
  return history.findLast((entry) => entry.parent === here);
}
