// The model that answers in the page, for whatever view wants it: whoever opens one gives it here, once it has answered.

const models = new WeakMap(); // store -> { client, manifest }
const waiting = new WeakMap(); // store -> functions that hear of it

/** Give the model of a store: the client of live/client.js and the model's manifest. */
export function giveModel(store, model) {
  models.set(store, model);
  (waiting.get(store) ?? []).forEach((listen) => listen(model));
}

/** Hear of the model of a store, at once if it is there; gives a function that ends it. */
export function onModel(store, listen) {
  const all = waiting.get(store) ?? new Set();
  waiting.set(store, all.add(listen));
  if (models.has(store)) listen(models.get(store));
  return () => all.delete(listen);
}
