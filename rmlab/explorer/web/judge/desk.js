// The desk of a page without a server: it answers the requests of judge/rater.js as rmlab/labels/desk.py does.
import { fitRewarded } from "./rewarded.js";
import { GUESS_AFTER, guesses } from "./guesses.js";
import { newName, preferred, showingOf, standing } from "./session.js";
import { Refusal } from "./refusal.js";

const VERDICTS = ["left", "right", "tie", "skip", "undo"];
const LONGEST_SECONDS = 1e6;

/** Messages as a text, or a text as it is: rmlab.data.PreferencePairs.texts. */
export const textOf = (side) => (typeof side === "string" ? side : side.map(({ content }) => content).join("\n"));

/**
 * A desk for one rater.
 *
 * `data`: `{ questions: [{ id, prompt, first, second, ... }], traits: { names, differences }, goal, rater }`, as
 * rmlab/explorer/judge_columns.py writes it; `kept`: where entries are kept, of judge/kept.js. `head`, where there is one,
 * guesses in place of the attributes: `{ ready(), guess(before, entry), name }`.
 */
export function openDesk(data, kept, { head = null, now = () => new Date().toISOString() } = {}) {
  const places = new Map(data.questions.map(({ id }, place) => [id, place]));
  const questions = { places, traits: data.traits };
  const listeners = new Set();
  const byTraits = guesses((before, entry) => fitRewarded(before, questions)?.probabilityLeft(entry) ?? 0.5);
  const byHead = guesses((before, entry) => head?.guess(before, entry) ?? null);

  function sitting() {
    const found = kept.read();
    if (found) return found;
    const made = { session: newName(), entries: [] };
    kept.write(made);
    return made;
  }

  function view() {
    const { session, entries } = sitting();
    const stands = standing(entries);
    const shown = showingOf(session, entries, places);
    const known = stands.filter(({ pair }) => places.has(pair));
    const headed = head?.ready() ? byHead.score(known) : null;
    const done = !shown || stands.length >= data.goal;
    return {
      rater: data.rater, session, position: entries.length + 1, judged: stands.length, goal: data.goal,
      seconds: stands.reduce((sum, entry) => sum + entry.seconds, 0), undo: stands.at(-1)?.showing ?? null,
      vanished: stands.length - known.length, guessAfter: GUESS_AFTER,
      guess: headed ?? byTraits.score(known), guessedBy: headed ? head.name : null,
      showing: shown && { number: shown.number, ...sides(data.questions[shown.place], shown.swapped) },
      rewarded: done ? rewarded(stands) : null,
    };
  }

  function rewarded(stands) {
    const found = fitRewarded(stands, questions);
    if (!found) return null;
    const weights = found.weights.filter(({ n_pairs: n }) => n).sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    return { weights, labels: found.labels, moreForHalf: found.moreForHalf() };
  }

  function judge({ session: asked, verdict, showing: number, position, key, seconds }) {
    if (!VERDICTS.includes(verdict) || typeof key !== "string") throw new Refusal(422, `a verdict must be one of ${VERDICTS.join(", ")}, and have a key`);
    if (![seconds, position, number].every(Number.isFinite)) throw new Refusal(422, "seconds, position and showing must be numbers");
    const { session, entries } = sitting();
    if (entries.some((entry) => entry.key === key)) return;
    if (asked !== session || position !== entries.length + 1) throw new Refusal(409, "this was judged in another tab or window");
    const shown = verdict === "undo" ? undone(entries, number) : shownNow(session, entries, number);
    entries.push({
      session, position, key, showing: number, rater: data.rater, pair: shown.pair, swapped: shown.swapped, verdict,
      seconds: Math.min(Math.max(seconds, 0), LONGEST_SECONDS), rule: shown.rule, time: now(), version: data.version,
    });
    kept.write({ session, entries });
    listeners.forEach((listen) => listen());
  }

  function shownNow(session, entries, number) {
    const shown = showingOf(session, entries, places);
    if (shown?.number !== number) throw new Refusal(422, `showing ${number} is not what is to be judged now`);
    return { ...shown, pair: data.questions[shown.place].id };
  }

  return {
    /** The same interface as that of judge/server.js. */
    async ask(path, body = {}) {
      if (path === "judge") judge(body);
      return view();
    },
    /** Entries that have not been undone or replaced, and whose pair is in this page. */
    stands: () => standing(sitting().entries).filter(({ pair }) => places.has(pair)),
    /** The place of the pair that is shown, or null. */
    shownPlace: () => { const { session, entries } = sitting(); return showingOf(session, entries, places)?.place ?? null; },
    places,
    lasting: kept.lasting,
    /** Forget all labels, and begin a new session. */
    forget() {
      kept.write({ session: newName(), entries: [] });
      listeners.forEach((listen) => listen());
    },
    /** Call `listen` for each label that is kept or forgotten; returns a function that ends it. */
    on(listen) {
      listeners.add(listen);
      return () => listeners.delete(listen);
    },
  };
}

function undone(entries, number) {
  const last = standing(entries).at(-1);
  if (last?.showing !== number) throw new Refusal(422, `only the last judgement can be undone, and showing ${number} is not it`);
  return last;
}

function sides({ prompt, first, second }, swapped) {
  const [left, right] = swapped ? [second, first] : [first, second];
  return { prompt: textOf(prompt), left: textOf(left), right: textOf(right) };
}

/**
 * The labels as JSONL that rmlab.read_pairs reads and rmlab.labels.import_pairs keeps: the preferred response first. As in
 * rmlab.labels.export_pairs, a pair's weight and margin are not copied: they are of an earlier judgement.
 */
export function labelsFile(stands, { places, questions }) {
  return stands.filter((entry) => preferred(entry) !== null).map((entry) => {
    const { prompt, first, second, group, item } = questions[places.get(entry.pair)];
    const firstWins = preferred(entry) >= 0; // of a tie the first response is in the place of the winner
    const [chosen, rejected] = firstWins ? [first, second] : [second, first];
    const more = Object.fromEntries(Object.entries({ group, item }).filter(([, value]) => value !== null && value !== undefined));
    return `${JSON.stringify({ prompt, chosen, rejected, ...more, tied: entry.verdict === "tie", chosen_first: firstWins !== entry.swapped })}\n`;
  }).join("");
}
