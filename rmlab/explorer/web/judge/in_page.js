// Judging on a page without a server: one desk and one head for all of its views.
import { onModel } from "../core/live_model.js";
import { openDesk } from "./desk.js";
import { keptUnder } from "./kept.js";
import { OWN_HEAD, ownHead } from "./own_head.js";
import { ownNeedle } from "./own_needle.js";

const opened = new WeakMap(); // store -> what is open on it

/** The desk and the head for a page's pairs, `{ data, desk, head }`; null if it has none. */
export function judgingOf(store) {
  const data = store.get("data").judge;
  if (!data) return null;
  if (!opened.has(store)) {
    let head = null;
    const guessing = { name: OWN_HEAD, ready: () => head.ready(), guess: (before, entry) => head.guess(before, entry) };
    const desk = openDesk(data, keptUnder(data.key), { head: guessing });
    head = ownHead(desk, data.questions);
    onModel(store, ({ client, manifest }) => {
      head.use(client, manifest.head?.weight ?? null);
      ownNeedle(store, head, client);
    });
    opened.set(store, { data, desk, head });
  }
  return opened.get(store);
}
