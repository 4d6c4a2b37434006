// The state as a view sees it: the same over an anywidget model (a notebook) and over a local object (the page).
//
// A view is a file views/NAME.js with
//
//     export const NAME = {
//       name: "NAME",                        // as in Python's `views`
//       title: "The name on its tab",
//       render(root, store) {                // build DOM in root with element() and svg() of dom.js
//         const off = store.on(["scores", "winner"], draw);
//         draw();
//         return () => off();                // called before root is emptied
//       },
//       enter(root) {},                      // if the view has its own keys: called when its tab is chosen, to focus what listens to them
//       plain: true,                         // if it has no use for Predict, Reset and a link
//     };
//
// and a line in explorer.js, which lists the views. `store` has
//
//     get(name)            a trait of ExplorerState (rmlab/explorer/state.py), or "data"
//     set({name: value})   several at once; listeners are called before it returns, and the kernel (if any) is told
//     on(names, listen)    listen() after any of these names changed, once for each set; returns a function that ends it
//     connect()            try again now, and take the explorer from another tab; on a served page, while
//                          get("connection") holds a message that it is not connected
//     live                 true where something can answer: a kernel, or a model in the page (live/answers.js)
//     kernel               true where Python follows the state; lost() is a message when it is gone, else ""
//
// What a view shows beside the state (columns, frames) is read-only, in get("data")[NAME]; get("data").note, if there is
// one, is a sentence that is shown above every view. A view that needs something from the kernel sets a trait that
// describes the request; Python observes the trait and sets the answer.
//
// A view keeps to this: text from outside only through textContent; colours and sizes from explorer.css and styles/; every
// control is a native one or has a role, a name and keys; readouts have role="status" and are empty while get("revealed")
// is false.

/** A store over anything with anywidget's get, set, on, off and save_changes. */
export function createStore(model, { live, kernel = live, page = false }) {
  const listeners = new Map(); // name -> set of listen functions
  const watched = new Map(); // name -> function that is registered with the model
  const changed = new Set();
  let waiting = false;
  let busy = false;

  function flush() {
    waiting = false;
    const called = new Set();
    for (const name of changed) for (const listen of listeners.get(name) ?? []) called.add(listen);
    changed.clear();
    for (const listen of called) listen();
  }

  function note(name) {
    changed.add(name);
    if (busy || waiting) return; // set() flushes itself; the kernel sends several names at once, which arrive one by one
    waiting = true;
    queueMicrotask(flush);
  }

  let gone = "";
  const lose = () => {
    gone = "The kernel has stopped, so no Python answers here. What you typed stays, and whatever needs no Python still works. Restart the kernel for the rest.";
    note("lost");
  };
  // ipywidgets' event when a widget loses its kernel
  model.on("comm_live_update", lose);
  const session = model.widget_manager?.context?.sessionContext; // JupyterLab's: no event tells a widget of a shutdown
  const shutDown = (_, { newValue }) => { if (!newValue) lose(); };
  session?.kernelChanged.connect(shutDown);

  return {
    live,
    kernel,
    page,
    connect: model.connect,
    lost: () => gone,
    get: (name) => model.get(name),
    set(values) {
      busy = true;
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      busy = false;
      flush();
      model.save_changes();
    },
    on(names, listen) {
      const list = [names].flat();
      for (const name of list) {
        if (!watched.has(name)) {
          watched.set(name, () => note(name));
          model.on(`change:${name}`, watched.get(name));
          listeners.set(name, new Set());
        }
        listeners.get(name).add(listen);
      }
      return () => list.forEach((name) => listeners.get(name).delete(listen));
    },
    close() {
      model.off("comm_live_update", lose);
      session?.kernelChanged.disconnect(shutDown);
      for (const [name, noted] of watched) model.off(`change:${name}`, noted);
      listeners.clear();
    },
  };
}

/** The replacement for anywidget's model in the single file. */
export function localModel(values) {
  const listeners = new Map();
  const fire = (event) => listeners.get(event)?.forEach((listen) => listen());
  return {
    fire,
    get: (name) => values[name],
    set(name, value) {
      if (Object.is(values[name], value)) return;
      values[name] = value;
      fire(`change:${name}`);
    },
    on(event, listen) {
      if (!listeners.has(event)) listeners.set(event, new Set());
      listeners.get(event).add(listen);
    },
    off(event, listen) {
      listeners.get(event)?.delete(listen);
    },
    save_changes() {},
  };
}
