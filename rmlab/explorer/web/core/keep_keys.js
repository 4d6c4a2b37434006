// JupyterLab reacts to keys in a focused widget (`d d` deletes the cell) unless the focused element forbids it.

/** Keep keys that are pressed inside `root` from JupyterLab; returns a function that ends it. */
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
