// What a view lets its reader set beside the state, such as a filter: a part of the trait `settings` under the view's
// name, so that Reset and a saved state know it.

/** The settings of a view; what was never set is at its default. */
export function settingsOf(store, view, defaults) {
  return { ...defaults, ...store.get("settings")[view] };
}

/** Change some settings of a view, and other traits with them. */
export function changeSettings(store, view, values, traits = {}) {
  const all = store.get("settings");
  store.set({ settings: { ...all, [view]: { ...all[view], ...values } }, ...traits });
}
