// Settings of a view beside the state, such as a filter: they are part of the trait `settings`, under the view's name, so
// that Reset and a saved state include them.

/** The settings of a view, with defaults for those that were never set. */
export function settingsOf(store, view, defaults) {
  return { ...defaults, ...store.get("settings")[view] };
}

/** Change some settings of a view, and other traits with them. */
export function changeSettings(store, view, values, traits = {}) {
  const all = store.get("settings");
  store.set({ settings: { ...all, [view]: { ...all[view], ...values } }, ...traits });
}
