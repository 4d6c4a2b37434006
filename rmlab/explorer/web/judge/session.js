// A rater's session, as in rmlab/labels/sessions.py and judgements.py: the name of the session and its entries alone decide
// what to show next. Sides are drawn for each showing; one in ten pairs comes back unannounced, with its sides swapped.
// (The random draws differ from Python's, so a session must continue where it began.)

const REPEAT = "repeat"; // the rule that is kept with a pair that comes back
const BLOCK = 11; // showings in which one pair comes back: one in ten of the others
const GAP = 5; // showings at least between a pair and its return

/** +1 for the first response of the pair, -1 for the second, 0 for a tie, null if it is not a judgement. */
export function preferred({ verdict, swapped }) {
  if (verdict === "tie") return 0;
  if (verdict !== "left" && verdict !== "right") return null;
  return (verdict === "left") !== swapped ? 1 : -1;
}

/** The current entries: the last one of each showing, unless it is an undo; the latest comes last. */
export function standing(entries) {
  const last = new Map();
  for (const entry of entries) {
    last.delete(entry.showing); // a change takes its place at the end
    last.set(entry.showing, entry);
  }
  return [...last.values()].filter(({ verdict }) => verdict !== "undo");
}

/** What to judge next, `{ number, place, swapped, rule }`, or null when everything was judged; `places`: the place of each pair, by its name. */
export function showingOf(name, entries, places) {
  const stands = standing(entries);
  const standingNumbers = new Set(stands.map(({ showing }) => showing));
  const undone = entries.filter((entry) => !standingNumbers.has(entry.showing) && places.has(entry.pair)).sort((a, b) => a.showing - b.showing)[0];
  if (undone) return { number: undone.showing, place: places.get(undone.pair), swapped: undone.swapped, rule: undone.rule }; // shown again, as it was
  const number = entries.reduce((most, { showing }) => Math.max(most, showing), 0) + 1;
  const draw = draws(`${name} ${number}`);
  const again = due(name, entries, stands, number, places);
  if (again.length) {
    const entry = again[draw(again.length)];
    return { number, place: places.get(entry.pair), swapped: !entry.swapped, rule: REPEAT };
  }
  const seen = new Set(entries.map(({ pair }) => pair));
  const left = [...places].filter(([pair]) => !seen.has(pair)).map(([, place]) => place);
  if (!left.length) return null;
  const swapped = draw(2) === 1;
  return { number, place: left[draw(left.length)], swapped, rule: "random" };
}

/** The entries of which one should come back now. */
function due(name, entries, stands, number, places) {
  const repeats = entries.filter(({ rule }) => rule === REPEAT);
  const made = new Set(repeats.map(({ showing }) => showing)).size;
  const returns = Array.from({ length: Math.floor(number / BLOCK) + 1 }, (_, block) => block * BLOCK + draws(`${name} block ${block}`)(BLOCK) + 1);
  if (returns.filter((place) => place <= number).length <= made) return [];
  const back = new Set(repeats.map(({ pair }) => pair));
  return stands.filter((entry) => entry.rule !== REPEAT && preferred(entry) !== null && !back.has(entry.pair) && places.has(entry.pair) && number - entry.showing > GAP);
}

/** A source of whole numbers below `n` that a text alone decides (FNV-1a seeds mulberry32). */
export function draws(seed) {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(seed)) state = Math.imul(state ^ byte, 0x01000193);
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** A name that nobody can guess: 32 hexadecimal digits. */
export function newName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
