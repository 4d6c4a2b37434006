// The controls of rmlab/explorer/controls.py. A kind is a function of the store that returns
// { node, names, draw({ lost }), close() }: what is shown, the traits that it is drawn from, and how.
import { decimals } from "./charts/chart.js";
import { element, unique, update } from "./core/dom.js";
import { keepKeys } from "./core/keep_keys.js";
import { player } from "./core/player.js";
import { createStore } from "./core/store.js";
import { prediction } from "./parts/asked.js";

const A_DRAG = 60; // milliseconds between two values that a drag sends, because each may need a new picture

/** What anywidget calls. */
export function render({ model, el }) {
  const store = createStore(model, { live: true });
  const part = KINDS[store.get("kind")](store);
  el.classList.add("rx", "rx-control");
  el.replaceChildren(part.node);
  const release = keepKeys(el);
  const draw = () => part.draw({ lost: store.lost() });
  const off = store.on([...part.names, "label", "lost"], draw);
  draw();
  return () => {
    part.close?.();
    off();
    store.close();
    release();
  };
}

/** Calls `send` with the newest value, at once and then at most every `pause` milliseconds; the last one always arrives. */
export function throttled(send, pause) {
  let timer = null;
  let newest = null; // [value] that waits
  const next = () => {
    timer = null;
    if (newest) call(...newest);
  };
  function call(value) {
    newest = timer === null ? null : [value];
    if (timer !== null) return;
    timer = setTimeout(next, pause);
    send(value);
  }
  return { call, waits: () => newest !== null };
}

/** A slider over the trait `name`: `bounds()` gives its ends and step, `inWords(value)` is the text beside it; `held()` is called when it is moved. */
function range(store, name, bounds, inWords, held = () => {}) {
  const label = element("span", { class: "rx-label" });
  const input = element("input", { type: "range", class: "rx-long", id: unique("range"), onInput: () => { held(); choose(Number(input.value)); } });
  const shown = element("output", { class: "rx-value", for: input.id });
  const drag = throttled((value) => store.set({ [name]: value }), A_DRAG);
  const say = (value) => {
    update(input, { "aria-valuetext": inWords(value) });
    update(shown, { text: inWords(value) });
  };
  function choose(value) {
    say(value);
    drag.call(value);
  }
  return {
    node: element("label", { class: "rx-field", for: input.id }, label, input, shown),
    choose,
    draw({ lost }) {
      update(label, { text: store.get("label") });
      update(input, { ...bounds(), disabled: Boolean(lost) });
      if (drag.waits()) return; // the value that the reader is dragging is newer
      input.value = store.get(name);
      say(store.get(name));
    },
  };
}

function slider(store) {
  const places = () => Math.max(decimals(store.get("step")), decimals(store.get("low")));
  const bounds = () => ({ min: store.get("low"), max: store.get("high"), step: store.get("step") });
  const made = range(store, "value", bounds, (value) => value.toFixed(places()).replace("-", "−"));
  return { ...made, names: ["value", "low", "high", "step"] };
}

function steps(store) {
  const names = ["index", "names"];
  const last = () => store.get("names").length - 1;
  const bounds = () => ({ min: 0, max: last(), step: 1 });
  const pace = store.get("milliseconds");
  const made = range(store, "index", bounds, (index) => store.get("names")[index], () => run?.stop());
  const run = pace === null ? null : player({ last, pace: () => pace, rest: () => store.get("index"), settle: made.choose, draw: follow });
  if (run === null) return { ...made, names };
  const button = element("button", { type: "button", class: "rx-button rx-play", onClick: run.press });
  function follow() {
    const at = Math.floor(run.position());
    if (run.playing() && at !== store.get("index")) made.choose(at);
    update(button, { text: run.name() });
  }
  return {
    node: element("div", { class: "rx-controls", role: "group" }, button, made.node),
    names,
    draw(now) {
      if (now.lost) run.stop();
      update(button, { text: run.name(), disabled: Boolean(now.lost) });
      update(button.parentNode, { "aria-label": store.get("label") });
      made.draw(now);
    },
    close: run.close,
  };
}

function menu(store) {
  const label = element("span", { class: "rx-label" });
  const select = element("select", { onChange: () => store.set({ index: select.selectedIndex }) });
  return {
    node: element("label", { class: "rx-field" }, label, select),
    names: ["index", "names"],
    draw({ lost }) {
      const names = store.get("names");
      update(label, { text: store.get("label") });
      update(select, { disabled: Boolean(lost) });
      if (select.options.length !== names.length) select.replaceChildren(...names.map((text) => element("option", { text })));
      select.selectedIndex = store.get("index");
    },
  };
}

function choice(store) {
  const legend = element("legend");
  const group = unique("choice");
  const inputs = store.get("names").map((_, index) =>
    element("input", { type: "radio", name: group, onChange: () => store.set({ index }) }));
  const node = element("fieldset", {}, legend, element("div", { class: "rx-choices" }, ...inputs.map((input, i) =>
    element("label", { class: "rx-choice" }, input, element("span", { text: store.get("names")[i] })))));
  return {
    node,
    names: ["index"],
    draw({ lost }) {
      update(legend, { text: store.get("label") });
      update(node, { disabled: Boolean(lost) });
      inputs.forEach((input, i) => { input.checked = i === store.get("index"); });
    },
  };
}

function toggle(store) {
  const node = element("button", { type: "button", class: "rx-button", onClick: () => store.set({ value: !store.get("value") }) });
  return {
    node,
    names: ["value"],
    draw: ({ lost }) => update(node, { text: store.get("label"), "aria-pressed": String(store.get("value")), disabled: Boolean(lost) }),
  };
}

/** A count, which one button raises and the other sets to 0. The value is sent, not the press, which could be lost. */
function presses(store) {
  const more = element("button", { type: "button", class: "rx-button", onClick: () => store.set({ value: store.get("value") + 1 }) });
  const again = element("button", { type: "button", class: "rx-button", text: "Reset", onClick: () => store.set({ value: 0 }) });
  return {
    node: element("div", { class: "rx-buttons", role: "group" }, more, again),
    names: ["value", "most"],
    draw({ lost }) {
      update(more, { text: store.get("label"), disabled: Boolean(lost) || store.get("value") >= store.get("most") });
      update(again, { disabled: Boolean(lost) });
      update(more.parentNode, { "aria-label": store.get("label") });
    },
  };
}

/** An output that follows controls. A click takes the focus, so that keys go nowhere else; a lost kernel is reported here. */
function shown(store, inside, names, draw) {
  const error = element("p", { class: "rx-error", role: "alert" });
  return {
    node: element("div", { class: "rx-shown", tabindex: -1 }, error, inside),
    names,
    draw({ lost }) {
      update(error, { text: lost, hidden: !lost });
      draw();
    },
  };
}

function picture(store) {
  const frame = element("div", { role: "status" });
  let newest = null;
  return shown(store, frame, ["source", "value", "size"], async () => {
    if (!store.get("source")) {
      newest = null;
      return frame.replaceChildren();
    }
    const [width, height] = store.get("size");
    const image = element("img", { src: store.get("source"), alt: store.get("value"), width, height });
    newest = image;
    await image.decode().catch(() => {}); // the previous picture stays until this one can be drawn
    if (image === newest) frame.replaceChildren(image);
  });
}

function words(store) {
  const line = element("p", { class: "rx-words", role: "status" });
  return shown(store, line, ["value"], () => update(line, { text: store.get("value") }));
}

const KINDS = { prediction, slider, steps, menu, choice, toggle, presses, picture, words };
