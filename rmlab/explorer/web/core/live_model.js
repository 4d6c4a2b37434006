// The model that answers in the page, for any view that needs it. What opens the model registers it here once it has answered.

const models = new WeakMap(); // store -> { client, manifest }
const waiting = new WeakMap(); // store -> functions to call with it

/** Register the model of a store: the client of live/client.js and the model's manifest. */
export function giveModel(store, model) {
  models.set(store, model);
  (waiting.get(store) ?? []).forEach((listen) => listen(model));
}

/** Call `listen` with the model of a store, at once if it is there; returns a function that ends it. */
export function onModel(store, listen) {
  const all = waiting.get(store) ?? new Set();
  waiting.set(store, all.add(listen));
  if (models.has(store)) listen(models.get(store));
  return () => all.delete(listen);
}
