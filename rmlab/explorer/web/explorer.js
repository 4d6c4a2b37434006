// The frame around the views: tabs, the buttons of every view (Predict, Reset, size, link), and error messages.
import { element, unique, update } from "./core/dom.js";
import { keepKeys } from "./core/keep_keys.js";
import { readLink, writeLink } from "./core/link.js";
import { answerInPage } from "./live/answers.js";
import { embedded, fetched } from "./live/sources.js";
import { turned } from "./core/predictions.js";
import { remoteModel } from "./core/remote.js";
import { createStore, localModel } from "./core/store.js";
import { judgingOf } from "./judge/in_page.js";
import { comparing, predictionLine } from "./parts/predictions.js";
import { audit } from "./views/audit.js";
import { explaining } from "./attribution/leave_out.js";
import { onModel } from "./core/live_model.js";
import { compare } from "./views/compare.js";
import { curve } from "./views/curve.js";
import { film } from "./views/film.js";
import { head } from "./views/head.js";
import { judge } from "./views/judge.js";
import { opening, seen } from "./views/opening.js";
import { optimise } from "./views/optimise.js";
import { pairs } from "./views/pairs.js";
import { path } from "./views/path.js";
import { termsOf } from "./parts/terms.js";
import { probe } from "./views/probe.js";
import { robustness } from "./views/robustness.js";

const VIEWS = [path, curve, probe, pairs, film, head, compare, optimise, robustness, judge, audit];

/**
 * Show the views that the store names in `root`; returns a function that takes them down. `title` is the heading of the page
 * around it, if there is one. If there is an opening, it comes first, unless it was seen before or the page `goesOn`.
 */
export function mount(root, store, { title = null, goesOn = false } = {}) {
  const views = VIEWS.filter((view) => store.get("views").includes(view.name));
  const shown = () => views.find((view) => view.name === store.get("view")) ?? views[0];
  const panel = element("section", { class: "rx-panel", id: unique("panel") });
  const tabs = views.map((view, i) =>
    element("button", {
      type: "button", role: "tab", class: "rx-tab", text: view.title, id: unique("tab"), "aria-controls": panel.id,
      onClick: () => { store.set({ view: view.name }); view.enter?.(panel); },
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
  const predict = button("Predict", () => store.set(turned(store)));
  const predictions = predictionLine(store);
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
        ...(views.every((view) => view.plain) ? [projector] : [
          predict,
          button("Reset", () => store.set(structuredClone(store.get("start")))),
          projector,
          store.page ? button("Link", () => offerLink(store, said)) : null])),
      said),
    connection, error, predictions.node, note, panel);
  const first = store.get("data").opening ? opensWith(root, store, title, () => tabs[views.indexOf(shown())]?.focus()) : null;
  if (first && !goesOn && !seen()) first.open();

  judgingOf(store); // labels that the browser kept make a head, whether or not their view is opened
  onModel(store, ({ client }) => explaining(store, client));
  const release = keepKeys(root);
  let current = null;
  let answered = null; // whether a model in the page answered when the view was made: its texts can then be edited
  let cleanup = () => {};
  function draw() {
    root.classList.toggle("rx-projector", larger());
    update(projector, { "aria-pressed": String(larger()) });
    update(predict, { text: store.get("revealed") ? "Predict" : "Reveal" });
    const wrong = [store.get("error"), store.lost()].filter(Boolean).join(" ");
    update(error, { text: wrong, hidden: !wrong });
    const view = shown();
    predictions.draw(view.name);
    const answers = !store.kernel && store.get("answering");
    if (view === current && answers === answered) return;
    cleanup();
    [current, answered] = [view, answers];
    if (views.length > 1) {
      views.forEach((each, i) => update(tabs[i], { "aria-selected": String(each === view), tabindex: each === view ? 0 : -1 }));
      update(panel, { role: "tabpanel", "aria-labelledby": tabs[views.indexOf(view)].id });
    }
    // the tab shows the title to sighted readers
    panel.replaceChildren(...(views.length > 1 ? [element("h2", { class: "rx-unseen", text: view.title })] : []));
    cleanup = view.render(panel, store);
    panel.prepend(...[termsOf(view.name, store)].filter(Boolean));
  }
  function drawConnection() {
    const words = store.get("connection") ?? "";
    update(connection, { hidden: !words });
    connection.replaceChildren(...(words ? [element("span", { text: `${words} ` }), button("Connect here", store.connect)] : []));
  }
  const offs = [
    store.on(["view", "size", "revealed", "error", "lost", "answering"], draw), store.on("connection", drawConnection), comparing(store),
    store.on(["revealed", "guess", "guesses", "scores", "temperature"], () => predictions.draw(shown().name)),
  ];
  function goToLink() { // one that is opened on the page that shows it already
    const { state, error } = readLink(location.hash);
    if (state) first?.close();
    if (state || error) store.set(state ? { error: "", ...state } : { error });
  }
  if (store.page) addEventListener("hashchange", goToLink);
  drawConnection();
  draw();
  return () => {
    removeEventListener("hashchange", goToLink);
    for (const off of offs) off();
    first?.end();
    cleanup();
    store.close();
    release();
  };
}

/** Put the opening before everything else in `root`, with a title that leads back to it; `left()` is called when the reader leaves it. */
function opensWith(root, store, heading, left) {
  const first = opening(store, (view, texts = null) => {
    close();
    if (view) store.set({ view });
    if (texts) store.set({ ...structuredClone(texts), ...(store.live && store.get("answering") && { request: store.get("request") + 1 }) });
    left();
  });
  const close = () => {
    first.close();
    first.node.remove();
    root.classList.remove("rx-asks");
  };
  const open = () => {
    root.append(first.node);
    root.classList.add("rx-asks"); // hides the rest
    first.open();
  };
  const title = element("button", { type: "button", class: "rx-title-button", title: "Back to the question", text: store.get("data").opening.title, onClick: open });
  if (heading) heading.replaceChildren(title);
  else root.prepend(element("h2", { class: "rx-title" }, title));
  return { open, close, end: first.end };
}

const SAID = 6_000; // milliseconds for which the message about the link is shown

async function offerLink(store, said) {
  history.replaceState(null, "", writeLink(store)); // unlike a new hash, it is no link that was opened
  setTimeout(() => update(said, { text: "" }), SAID);
  try {
    await navigator.clipboard.writeText(location.href);
    update(said, { text: "A link to these texts and scores has been copied." });
  } catch {
    update(said, { text: "The address of this page now holds these texts and scores. Copy it from the browser's address bar." });
  }
}

/** What anywidget calls. */
export function render({ model, el }) {
  return mount(el, createStore(model, { live: true }));
}

/** What the page calls. State and data are in a block of JSON. On a served page a kernel answers; on a file, the model inside it, if there is one. */
export function open() {
  const values = JSON.parse(document.getElementById("rmlab-state").textContent);
  const { state, error } = readLink(location.hash);
  const kernel = values.serial !== undefined;
  const source = kernel ? null : embedded() ?? (values.live ? fetched(values.live) : null);
  const store = createStore(kernel ? remoteModel(values) : localModel(values), { live: kernel || source !== null, kernel, page: true });
  if (state) store.set(state);
  if (error) store.set({ error });
  if (source) answerInPage(store, source);
  const title = document.querySelector("main > h1");
  return mount(document.getElementById("rmlab-explorer"), store, { title, goesOn: state !== undefined });
}
