// The widgets of notebooks on a page without a kernel: the same modules as in a notebook, over what was recorded when the
// page was built (docs/site/recording.py). What depends on controls is looked up by their settings.
//
// A page carries, as JSON in <script class="rmlab-widgets">, { widgets: { id: ... }, frames: "folder of the pictures/" },
// and shows each at <div class="rmlab-widget" data-widget="id">.
import { element } from "./core/dom.js";
import { createStore, localModel } from "./core/store.js";
import { render as control } from "./controls.js";
import { mount } from "./explorer.js";
import { answerInPage } from "./live/answers.js";
import { fetched } from "./live/sources.js";
import { patchModel } from "./parts/patch_session.js";
import { render as patches } from "./patches.js";

const NEAR = "800px"; // from what is in view: a widget further away is shown when it comes nearer

/** Show every widget of the page. */
export function open() {
  for (const block of document.querySelectorAll("script.rmlab-widgets")) {
    const { widgets, frames } = JSON.parse(block.textContent);
    const models = Object.fromEntries(Object.entries(widgets).map(([id, widget]) => [id, modelOf(widget)]));
    for (const [id, widget] of Object.entries(widgets)) {
      if (widget.follows) follow(models[id], widget.follows, { widgets, models, frames });
      if (widget.until) models[widget.until].on(`change:${widgets[widget.until].setting}`, () => models[id].set("value", false));
      if (widget.state) shareState(Object.keys(widgets).filter((other) => widgets[other].state === widget.state), id, { widgets, models });
      if (widget.answer) answer(models[id], widget.answer);
    }
    showWhenNear(document.querySelectorAll(".rmlab-widget"), (root) => {
      if (root.dataset.widget in widgets) show(root, root.dataset.widget, { widgets, models });
    });
  }
}

function modelOf(widget) {
  return widget.kind === "patches" ? patchModel(widget.session) : localModel(widget.values ?? {});
}

/** Show a widget in `root`. */
function show(root, id, page) {
  const { widgets, models } = page;
  const { kind, children } = widgets[id];
  const model = models[id];
  if (kind === "group") {
    root.classList.add("rx-group", ...widgets[id].of);
    root.replaceChildren(...children.map((child) => {
      const inner = element("div", { "data-widget": child });
      show(inner, child, page);
      return inner;
    }));
  } else if (kind === "control") {
    control({ model, el: root });
    if (widgets[id].coarse) root.append(element("p", { class: "rx-quiet", text: widgets[id].coarse }));
  } else if (kind === "explorer") {
    const source = widgets[id].live ? fetched(widgets[id].live) : null; // loaded when the reader asks for it
    const store = createStore(model, { live: source !== null, kernel: false });
    if (source) answerInPage(store, source);
    mount(root, store);
  } else {
    patches({ model, el: root });
  }
}

/** Set what a model shows by the settings of controls, now and whenever one changes. */
function follow(model, { controls, settings, shown, frames: places }, { widgets, models, frames }) {
  const at = (i) => nearest(settings[i], models[controls[i]].get(widgets[controls[i]].setting));
  function update() {
    const place = controls.reduce((sum, _, i) => sum * settings[i].length + at(i), 0);
    for (const [name, value] of Object.entries(shown[places[place]])) {
      model.set(name, name === "source" && value ? frames + value : structuredClone(value));
    }
  }
  for (const id of controls) models[id].on(`change:${widgets[id].setting}`, update);
  update();
}

/** The index of the nearest number; false is 0 and true is 1. */
export function nearest(numbers, wanted) {
  const away = (i) => Math.abs(numbers[i] - wanted);
  return numbers.reduce((best, _, i) => (away(i) < away(best) ? i : best), 0);
}

const OWN = ["views", "data", "view"]; // of an explorer, and not shared with the others of its state

/** Pass what one explorer changes to the other explorers of its state. */
function shareState(all, id, { widgets, models }) {
  const others = all.filter((other) => other !== id).map((other) => models[other]);
  for (const name of Object.keys(widgets[id].values).filter((each) => others.length && !OWN.includes(each))) {
    models[id].on(`change:${name}`, () => {
      for (const other of others) other.set(name, models[id].get(name));
    });
  }
}

/** Let a prediction be revealed: the words for each of its values were written beforehand, and last those for no prediction. */
function answer(model, { truth, words }) {
  model.on("change:revealed", () => {
    if (!model.get("revealed")) return;
    const said = model.get("value");
    const step = Math.round((said - model.get("low")) / model.get("step"));
    model.set("truth", truth);
    model.set("words", said === null ? words.at(-1) : words[step]);
  });
}

function showWhenNear(roots, render) {
  const watch = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      render(target);
    }
  }, { rootMargin: NEAR });
  roots.forEach((root) => watch.observe(root));
}
