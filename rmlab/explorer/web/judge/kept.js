// Where a page without a server keeps labels: in the browser's storage for this page or, without one, in the page itself.
// The storage is read at each request, so that two tabs of one file share one session.

const STEM = "rmlab-labels-";

/** Entries under a name: `read()` gives `{ session, entries }` or null; `write(value)`; `lasting()`: whether they outlive the page. */
export function keptUnder(name, storage = browsers()) {
  let here = null; // what no storage accepted
  const reads = () => {
    try {
      const found = JSON.parse(storage.getItem(STEM + name));
      return typeof found?.session === "string" && Array.isArray(found.entries) && found.entries.every(isEntry) ? found : null;
    } catch {
      return null; // blocked, or not what was written here
    }
  };
  return {
    read: () => here ?? reads(),
    write(value) {
      try {
        storage.setItem(STEM + name, JSON.stringify(value));
        here = null;
      } catch {
        here = value; // blocked, or full
      }
    },
    lasting: () => here === null && storage !== null,
  };
}

const isEntry = (one) => typeof one?.pair === "string" && [one.showing, one.seconds].every(Number.isFinite);

function browsers() {
  try {
    const storage = globalThis.localStorage;
    storage.setItem(`${STEM}try`, "1"); // a browser may offer a storage that accepts nothing
    storage.removeItem(`${STEM}try`);
    return storage;
  } catch {
    return null;
  }
}
