// The label of the texts that are shown. Texts that the reader edits have none until the reader gives one, since the old
// label was for other texts.
import { pickable, pickedAs, TEXTS } from "./history.js";
import { isTied } from "./rows.js";
import { settingsOf } from "./settings.js";

/** Texts as one short word (FNV-1a), so that a state, and a link, can hold which ones have no label. */
function named(texts) {
  const all = JSON.stringify(TEXTS.map((name) => texts[name]));
  let hash = 0x811c9dc5;
  for (let i = 0; i < all.length; i += 1) hash = Math.imul(hash ^ all.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}

const shown = (store) => Object.fromEntries(TEXTS.map((name) => [name, store.get(name)]));

function marking(store, unlabelled) {
  const all = store.get("settings");
  return { settings: { ...all, path: { ...all.path, unlabelled } } };
}

/** Whether the responses that are shown have a label. */
export const labelled = (store) => settingsOf(store, "path", { unlabelled: "" }).unlabelled !== named(shown(store));

/** The traits of a label that the reader gives. */
export const saying = (store, winner) => ({ winner, ...(labelled(store) ? {} : marking(store, "")) });

/**
 * The traits of the label of texts that the reader changes, `values` with what else is set: with a `winner` among the values
 * the label that they had, as where A and B are swapped; that of the data, for texts of the data; else none.
 */
export function relabelled(store, values) {
  const texts = Object.fromEntries(TEXTS.map((name) => [name, values[name] ?? store.get(name)]));
  if (TEXTS.every((name) => texts[name] === store.get(name))) return {};
  const known = values.winner !== undefined && labelled(store) ? values.winner : labelOfData(store, texts);
  return known === null ? marking(store, named(texts)) : { winner: known, ...marking(store, "") };
}

/** The label of texts that nobody edited: those of a pair, of the start or of an example; else null. */
function labelOfData(store, texts) {
  const picked = pickedAs(texts, pickable(store));
  if (picked === null) return null;
  if ("start" in picked) return store.get("start").winner ?? null;
  if ("pair" in picked) return isTied(store.get("data").pairs, picked.pair) ? "tie" : "a";
  return picked.example.state.winner ?? null;
}
