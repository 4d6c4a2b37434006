// Lab takes keys from a focused widget (`d d` deletes the cell) unless the focused element itself says otherwise.

/** Keep the keys that are pressed inside `root` from Lab; gives a function that ends it. */
export function keepKeys(root) {
  const keep = (event) => { event.target.dataset.lmSuppressShortcuts = "true"; };
  const stop = (event) => event.stopPropagation();
  root.addEventListener("focusin", keep);
  root.addEventListener("keydown", stop);
  return () => {
    root.removeEventListener("focusin", keep);
    root.removeEventListener("keydown", stop);
  };
}
