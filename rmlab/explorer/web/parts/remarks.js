// Remarks in the probe: who is fooled by an example, what the last edit did, and odd answers that win.
import { signed } from "../charts/chart.js";
import { oddity } from "../core/chips.js";
import { find, PICKED, textsOf, TEXTS } from "../core/history.js";

const CLEAR = 0.005; // distance from a half: less than this is a toss-up
const LEVEL = 0.38; // P of an odd answer that is almost level with the other: less than half a nat behind it
const HARDLY = 0.1; // nats: less is hardly a change
const SIDES = { response_a: ["A", 0], response_b: ["B", 1] };

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const listed = (names) => names.join(" and ");

/**
 * Who prefers the worse answer of an example, in words; "" if nobody does. scorers: [{ name, p }], P of A or null;
 * better: "a", "b" or "tie", by the judge of the course's model.
 */
export function fooledInWords(scorers, better) {
  if (better !== "a" && better !== "b") return "";
  const sign = better === "a" ? 1 : -1;
  const known = scorers.filter(({ p }) => p !== null);
  const fooled = known.filter(({ p }) => sign * (p - 0.5) < -CLEAR).map(({ name }) => name);
  if (!fooled.length) return "";
  const others = known.filter(({ name }) => !fooled.includes(name)).map(({ name }) => name);
  const [right, wrong] = better === "a" ? ["A", "B"] : ["B", "A"];
  const many = fooled.length > 1;
  const rest = others.length ? ` ${capital(listed(others))} is not.` : "";
  return `A fair judge prefers ${right} here. ${capital(listed(fooled))} ${many ? "prefer" : "prefers"} ${wrong}: ${many ? "they are" : "it is"} fooled.${rest}`;
}

/**
 * What an edit of one response did to its score under each model. what: the name of the edit, "" if it was typed; side:
 * "A" or "B"; moves: [{ name, by, taught }], by how many nats, and the weight that the model's judge gives to what was
 * added, if that is known: { weight, of }.
 */
export function movedInWords({ what, side, moves }) {
  const each = moves.map(({ name, by, taught }) => {
    const small = Math.abs(by) < HARDLY;
    const does = small ? `hardly moves ${side} (${signed(by)} nats)` : `${by > 0 ? "raises" : "lowers"} ${side} by ${Math.abs(by).toFixed(2)} nats`;
    const against = taught?.weight && (small || Math.sign(taught.weight) !== Math.sign(by));
    return `${name} ${does}${against ? `, although the judge that it learned from ${taught.weight > 0 ? "likes" : "dislikes"} ${taught.of}` : ""}`;
  });
  return each.length ? `After ${what ? `“${what}”` : `your edit of ${side}`}: ${each.join("; ")}.` : "";
}

/** The last edit of a store for `movedInWords`; null unless a single response was edited and its scores are known. */
export function lastEdit(store, scorers) {
  const history = store.get("history");
  const entry = find(history, store.get("here"));
  if (!entry) return null;
  const now = Object.fromEntries(TEXTS.map((name) => [name, store.get(name)]));
  const differing = (texts) => TEXTS.filter((name) => texts[name] !== now[name]);
  const typing = differing(textsOf(history, entry.id)).length > 0; // what is being typed is not an entry yet
  const before = typing ? entry : PICKED.test(entry.what) ? null : find(history, entry.parent);
  if (!before?.scores) return null;
  const changed = differing(textsOf(history, before.id));
  if (changed.length !== 1 || changed[0] === "prompt") return null; // scores of two prompts cannot be compared
  const [side, place] = SIDES[changed[0]];
  const what = typing ? "" : entry.what;
  const chip = (store.get("data").probe?.chips ?? []).find(({ name }) => what.startsWith(`${name}, in `));
  const moves = scorers.flatMap(({ name, scores }, i) => {
    const [from, to] = [(i ? before.second : before.scores)?.[place] ?? null, scores[place]];
    return from === null || to === null ? [] : [{ name, by: to - from, taught: chip?.taught?.[name] ?? null }];
  });
  return { what, side, moves };
}

/**
 * A sentence on an odd answer that wins or is almost level with the other, though no reader would prefer it; "" if there
 * is none. scorers as for `fooledInWords`.
 */
export function oddInWords(scorers, responses) {
  const odd = responses.map(oddity);
  for (const [place, name] of ["A", "B"].entries()) {
    if (!odd[place] || odd[1 - place]) continue;
    const mine = scorers.filter(({ p }) => p !== null).map((each) => ({ name: each.name, p: place ? 1 - each.p : each.p }));
    const wins = mine.filter(({ p }) => p > 0.5 + CLEAR).map((each) => each.name);
    const level = mine.filter(({ p }) => p <= 0.5 + CLEAR && p > LEVEL).map((each) => each.name);
    const other = place ? "A" : "B";
    const found = [wins.length && `it wins with ${listed(wins)}`, level.length && `it is almost level with ${other} for ${listed(level)}`].filter(Boolean);
    if (found.length) return `Response ${name} ${odd[place]}, and ${found.join("; ")}: that is the model's mistake, not yours.`;
  }
  return "";
}
