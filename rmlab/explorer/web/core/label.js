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
 * The traits of the label when the reader changes texts; `values` are all traits that are set. Texts of the data get their
 * label from the data. If `values` has a `winner`, as when A and B are swapped, the label is kept. Else there is none.
 */
export function relabelled(store, values) {
  const texts = Object.fromEntries(TEXTS.map((name) => [name, values[name] ?? store.get(name)]));
  if (TEXTS.every((name) => texts[name] === store.get(name))) return {};
  const known = labelOfData(store, texts);
  if (known !== null) return { winner: known, ...marking(store, "") };
  return marking(store, values.winner !== undefined && labelled(store) ? "" : named(texts));
}

/** The label of unedited texts: those of the selected pair, of the start or of an example; else null. */
function labelOfData(store, texts) {
  const picked = pickedAs(texts, pickable(store));
  if (picked === null) return null;
  if ("start" in picked) return store.get("start").winner ?? null;
  if ("pair" in picked) return isTied(store.get("data").pairs, picked.pair) ? "tie" : "a";
  return picked.example.state.winner ?? null;
}
