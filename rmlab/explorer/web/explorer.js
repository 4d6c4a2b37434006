// The frame around the views: tabs, what every view has (Predict, Reset, size, link), and what went wrong.
import { element, unique, update } from "./core/dom.js";
import { keepKeys } from "./core/keys.js";
import { readLink, writeLink } from "./core/link.js";
import { remoteModel } from "./core/remote.js";
import { createStore, localModel } from "./core/store.js";
import { compare } from "./views/compare.js";
import { curve } from "./views/curve.js";
import { film } from "./views/film.js";
import { head } from "./views/head.js";
import { optimise } from "./views/optimise.js";
import { pairs } from "./views/pairs.js";
import { path } from "./views/path.js";
import { probe } from "./views/probe.js";

const VIEWS = [path, curve, probe, pairs, film, head, compare, optimise];

/** Show the views that the store names in `root`; gives a function that takes them down. */
export function mount(root, store) {
  const views = VIEWS.filter((view) => store.get("views").includes(view.name));
  const shown = () => views.find((view) => view.name === store.get("view")) ?? views[0];
  const panel = element("section", { class: "rx-panel", id: unique("panel") });
  const tabs = views.map((view, i) =>
    element("button", {
      type: "button", role: "tab", class: "rx-tab", text: view.title, id: unique("tab"), "aria-controls": panel.id,
      onClick: () => store.set({ view: view.name }),
      onKeydown: (event) => {
        const next = { ArrowRight: i + 1, ArrowLeft: i - 1 + views.length, Home: 0, End: views.length - 1 }[event.key];
        if (next === undefined) return;
        event.preventDefault();
        tabs[next % views.length].focus();
        store.set({ view: views[next % views.length].name });
      },
    }),
  );
  const head = views.length > 1
    ? element("div", { class: "rx-tabs", role: "tablist", "aria-label": "Views" }, ...tabs)
    : element("h2", { class: "rx-title", text: views[0].title });
  const button = (text, onClick) => element("button", { type: "button", class: "rx-button", text, onClick });
  const predict = button("Predict", () => store.set({ revealed: !store.get("revealed") }));
  const projector = button("Projector size", () => store.set({ size: larger() ? "normal" : "projector" }));
  const larger = () => store.get("size") === "projector";
  const said = element("p", { class: "rx-quiet rx-said", role: "status" });
  const error = element("p", { class: "rx-error", role: "alert" });
  const connection = element("div", { class: "rx-error", role: "status" });
  const caution = store.get("data").note ?? "";
  const note = element("p", { class: "rx-note", text: caution, hidden: !caution });
  root.classList.add("rx");
  root.replaceChildren(
    element("div", { class: "rx-bar" }, head,
      element("div", { class: "rx-buttons", role: "group", "aria-label": "For class" },
        predict,
        button("Reset", () => store.set(structuredClone(store.get("start")))),
        projector,
        store.page ? button("Link", () => offerLink(store, said)) : null)),
    said, connection, error, note, panel);

  const release = keepKeys(root);
  let current = null;
  let cleanup = () => {};
  function draw() {
    root.classList.toggle("rx-projector", larger());
    update(projector, { "aria-pressed": String(larger()) });
    update(predict, { text: store.get("revealed") ? "Predict" : "Reveal" });
    const wrong = [store.get("error"), store.lost()].filter(Boolean).join(" ");
    update(error, { text: wrong, hidden: !wrong });
    const view = shown();
    if (view === current) return;
    cleanup();
    current = view;
    if (views.length > 1) {
      views.forEach((each, i) => update(tabs[i], { "aria-selected": String(each === view), tabindex: each === view ? 0 : -1 }));
      update(panel, { role: "tabpanel", "aria-labelledby": tabs[views.indexOf(view)].id });
    }
    // the tab says the same to who sees it
    panel.replaceChildren(...(views.length > 1 ? [element("h2", { class: "rx-unseen", text: view.title })] : []));
    cleanup = view.render(panel, store);
  }
  function drawConnection() {
    const words = store.get("connection") ?? "";
    update(connection, { hidden: !words });
    connection.replaceChildren(...(words ? [element("span", { text: `${words} ` }), button("Connect here", store.connect)] : []));
  }
  const offs = [store.on(["view", "size", "revealed", "error", "lost"], draw), store.on("connection", drawConnection)];
  drawConnection();
  draw();
  return () => {
    for (const off of offs) off();
    cleanup();
    store.close();
    release();
  };
}

async function offerLink(store, said) {
  location.hash = writeLink(store);
  try {
    await navigator.clipboard.writeText(location.href);
    update(said, { text: "The link to these texts and scores is copied." });
  } catch {
    update(said, { text: "The address of this page now holds these texts and scores: copy it from the browser's bar." });
  }
}

/** What anywidget calls. */
export function render({ model, el }) {
  return mount(el, createStore(model, { live: true }));
}

/** What the page calls. The state and the data stand in a block of JSON; where it was served, a kernel answers. */
export function open() {
  const values = JSON.parse(document.getElementById("rmlab-state").textContent);
  const { state, error } = readLink(location.hash);
  const model = values.serial === undefined ? localModel(values) : remoteModel(values);
  const store = createStore(model, { live: values.serial !== undefined, page: true });
  if (state) store.set(state);
  if (error) store.set({ error });
  return mount(document.getElementById("rmlab-explorer"), store);
}
