// The frame around the views: tabs, what every view has (Predict, Reset, size), errors.
import { element, unique, update } from "./dom.js";
import { createStore, localModel } from "./store.js";
import { curve } from "./views/curve.js";

const VIEWS = [curve];

/** Show the views that the store names in `root`; gives a function that takes them down. */
export function mount(root, store) {
  const views = VIEWS.filter((view) => store.get("views").includes(view.name));
  const prefix = unique("view"); // ids are of the whole document, which may hold several explorers
  const identify = (view, what) => `${prefix}-${view.name}-${what}`;
  const shown = () => views.find((view) => view.name === store.get("view")) ?? views[0];

  const tabs = views.map((view) =>
    element("button", {
      type: "button", role: "tab", class: "rx-tab", text: view.title, id: identify(view, "tab"),
      "aria-controls": identify(view, "panel"), onClick: () => store.set({ view: view.name }),
      onKeydown: (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = (views.indexOf(view) + step + views.length) % views.length;
        store.set({ view: views[next].name });
        tabs[next].focus();
      },
    }),
  );
  const predict = element("button", {
    type: "button", class: "rx-button", onClick: () => store.set({ revealed: !store.get("revealed") }),
  });
  const reset = element("button", {
    type: "button", class: "rx-button", text: "Reset", onClick: () => store.set(structuredClone(store.get("start"))),
  });
  const projector = element("button", {
    type: "button", class: "rx-button", text: "Projector size",
    onClick: () => store.set({ size: store.get("size") === "normal" ? "projector" : "normal" }),
  });
  const error = element("p", { class: "rx-error", role: "alert" });
  const panel = element("section", { class: "rx-panel" });
  const list = views.length > 1
    ? element("div", { class: "rx-tabs", role: "tablist", "aria-label": "Views" }, ...tabs)
    : element("h2", { class: "rx-title", text: views[0].title });
  const bar = element("div", { class: "rx-bar" }, list,
    element("div", { class: "rx-buttons", role: "group", "aria-label": "For class" }, predict, reset, projector));
  root.classList.add("rx");
  root.replaceChildren(bar, error, panel);

  // Lab takes keys from a focused widget unless the focused element itself says otherwise.
  const keep = (event) => { event.target.dataset.lmSuppressShortcuts = "true"; };
  const stop = (event) => event.stopPropagation();
  root.addEventListener("focusin", keep);
  root.addEventListener("keydown", stop);

  let current = null;
  let cleanup = () => {};
  function draw() {
    root.classList.toggle("rx-projector", store.get("size") === "projector");
    update(projector, { "aria-pressed": String(store.get("size") === "projector") });
    update(predict, { text: store.get("revealed") ? "Predict" : "Reveal" });
    update(error, { text: store.get("error"), hidden: !store.get("error") });
    const view = shown();
    if (view === current) return;
    cleanup();
    current = view;
    views.forEach((each, i) =>
      update(tabs[i], { "aria-selected": String(each === view), tabindex: each === view ? 0 : -1 }));
    if (views.length > 1) update(panel, { role: "tabpanel", "aria-labelledby": identify(view, "tab"), id: identify(view, "panel") });
    panel.replaceChildren();
    cleanup = view.render(panel, store);
  }
  const off = store.on(["view", "size", "revealed", "error"], draw);
  draw();
  return () => {
    off();
    cleanup();
    store.close();
    root.removeEventListener("focusin", keep);
    root.removeEventListener("keydown", stop);
  };
}

/** What anywidget calls. */
export function render({ model, el }) {
  return mount(el, createStore(model, { live: true }));
}

/** What the single file calls: the state and the data are in a block of JSON. */
export function open() {
  const values = JSON.parse(document.getElementById("rmlab-state").textContent);
  return mount(document.getElementById("rmlab-explorer"), createStore(localModel(values), { live: false }));
}
