// Two responses to a prompt, to edit: their scores, the difference and P follow the typing.
import { signed } from "../charts/chart.js";
import { element, unique, update } from "../core/dom.js";
import { comparison, editList } from "../parts/edits.js";
import { find, newestChild, originOf, recorded, scored, textsOf, TEXTS } from "../core/history.js";
import { preferenceProbability } from "../core/preference.js";
import { isOf, tokenCards } from "../parts/tokens.js";

const TYPED = 30; // milliseconds from the last key to the question
const RESTED = 800; // milliseconds of rest that make an edit of what was typed
const PATIENCE = 250; // milliseconds before the view says that it waits
const NOT_YET = {};

export const probe = {
  name: "probe",
  title: "Probe",
  render(root, store) {
    const answering = store.live && store.get("answering");
    const ask = (values) => store.set({ ...values, ...(answering && { request: store.get("request") + 1 }) });
    const texts = () => Object.fromEntries(TEXTS.map((name) => [name, store.get(name)]));
    let timer = null;

    function record(what = "") { // an edit ends
      clearTimeout(timer);
      for (const editor of Object.values(editors)) editor.flush();
      const origin = () => originOf(texts(), { columns: store.get("data").pairs, row: store.get("selection"), start: store.get("start") });
      const made = recorded(store.get("history"), store.get("here"), texts(), what || origin());
      if (made) store.set({ ...made, history: scored(made.history, made.here, waiting() ? [null, null] : store.get("scores")) });
    }
    function go(id) {
      record();
      if (find(store.get("history"), id)) ask({ ...textsOf(store.get("history"), id), here: id });
    }
    function pin(id) {
      const pins = store.get("pins");
      store.set({ pins: pins.includes(id) ? pins.filter((each) => each !== id) : [...pins, id].slice(-2) });
    }
    function swap() {
      record();
      const [a, b] = store.get("scores");
      ask({
        response_a: store.get("response_b"), response_b: store.get("response_a"), scores: [b, a],
        winner: { a: "b", b: "a", tie: "tie" }[store.get("winner")],
      });
      record("swapped A and B");
    }
    const waiting = () => answering && !store.lost() && store.get("answered") !== store.get("request");

    const editors = Object.fromEntries(TEXTS.map((name) => [name, editor(name, { store, ask, record, answering })]));
    const button = (text, onClick) => element("button", { type: "button", class: "rx-button", text, onClick });
    const undo = button("Undo", () => { record(); go(find(store.get("history"), store.get("here")).parent); });
    const redo = button("Redo", () => go(newestChild(store.get("history"), store.get("here")).id));
    const swapper = button("Swap A and B", swap);
    const pinner = button("Pin this edit", () => { record(); pin(store.get("here")); });
    const explain = element("input", { type: "checkbox", onChange: () => ask({ explain: explain.checked }) });
    const examples = presetList(store, (preset) => { record(); ask(structuredClone(preset.state)); record(`example “${preset.name}”`); });
    const readout = readouts(store, waiting);
    const tokens = tokenCards();
    const edits = editList({ go, pin });
    const pinned = comparison();
    const known = recordedTable(store);
    root.append(element("div", { class: "rx-probe" },
      examples.node,
      editors.prompt.node,
      element("div", { class: "rx-two" }, editors.response_a.node, editors.response_b.node),
      readout.node, known.node,
      element("div", { class: "rx-controls" },
        element("div", { class: "rx-buttons", role: "group", "aria-label": "Edits" }, undo, redo, swapper, pinner),
        element("label", { class: "rx-choice", hidden: !answering }, explain, element("span", { text: "What each token adds" }))),
      tokens.node, pinned.node, edits.node));

    function draw() {
      const history = store.get("history");
      const here = store.get("here");
      const revealed = store.get("revealed");
      for (const each of Object.values(editors)) each.draw();
      examples.draw();
      readout.draw();
      known.draw();
      const entry = find(history, here);
      update(undo, { disabled: !entry || entry.parent === null });
      update(redo, { disabled: !newestChild(history, here) });
      explain.checked = store.get("explain");
      const attribution = store.get("attribution");
      const current = isOf(attribution, store.get("response_a"), store.get("response_b"));
      const coming = answering && !store.get("error"); // else nobody works it out
      update(tokens.node, { hidden: !(store.get("explain") && revealed && (coming || (current && attribution.words))) });
      tokens.draw(current ? attribution : NOT_YET);
      edits.draw({ history, here, pins: store.get("pins"), revealed });
      pinned.draw({ history, pins: store.get("pins"), revealed, temperature: store.get("temperature") });
    }
    const off = [
      store.on([...TEXTS, "scores", "scores_from", "answered", "notice", "temperature", "revealed", "history", "here", "pins", "explain",
        "attribution", "error", "connection", "lost"], draw),
      store.on(TEXTS, () => { clearTimeout(timer); timer = setTimeout(() => record(), RESTED); }),
      store.on(["answered", "scores"], () => {
        const same = TEXTS.every((name) => textsOf(store.get("history"), store.get("here"))[name] === store.get(name));
        const history = same && !waiting() ? scored(store.get("history"), store.get("here"), store.get("scores")) : store.get("history");
        if (history !== store.get("history")) store.set({ history });
      }),
    ];
    record();
    draw();
    return () => { record(); clearTimeout(timer); readout.close(); for (const each of off) each(); };
  },
};

function editor(name, { store, ask, record, answering }) {
  const title = { prompt: "Prompt", response_a: "● Response A", response_b: "■ Response B" }[name];
  const side = { prompt: "", response_a: " rx-a", response_b: " rx-b" }[name];
  const index = { response_a: 0, response_b: 1 }[name];
  const field = unique("text");
  let timer = null;
  let shown = null; // what the store held: a textarea changes line ends
  const area = element("textarea", {
    id: field, class: "rx-text", dir: "auto", spellcheck: "false", rows: name === "prompt" ? 2 : 6, readonly: !answering,
    onInput: () => { clearTimeout(timer); timer = setTimeout(flush, TYPED); }, onChange: () => record(),
  });
  const score = element("span", { class: "rx-score" });
  function flush() {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    shown = area.value;
    if (shown !== store.get(name)) ask({ [name]: shown });
  }
  return {
    node: element("div", { class: `rx-card rx-editor${side}` },
      element("div", { class: "rx-editor-head" }, element("label", { for: field, class: "rx-side", text: title }), score), area),
    flush,
    draw() {
      if (timer === null && store.get(name) !== shown) {
        shown = store.get(name);
        area.value = shown;
      }
      if (index === undefined) return;
      const value = store.get("scores")[index];
      update(score, { text: !store.get("revealed") ? "score ?" : value === null ? "no score" : `score ${signed(value)}` });
    },
  };
}

const isShown = (preset, store) => TEXTS.every((name) => preset.state[name] === store.get(name));

function presetList(store, choose) {
  const presets = store.get("data").probe?.presets ?? [];
  const themes = [...new Set(presets.map((preset) => preset.theme))];
  const select = element("select", { onChange: () => { if (select.value !== "") choose(presets[Number(select.value)]); } },
    element("option", { value: "", text: "Choose an example" }),
    ...themes.map((theme) => element("optgroup", { label: theme },
      ...presets.map((preset, i) => [preset, i]).filter(([preset]) => preset.theme === theme)
        .map(([preset, i]) => element("option", { value: i, text: preset.name })))));
  return {
    node: element("label", { class: "rx-field", hidden: !presets.length }, element("span", { text: "Example" }), select),
    draw() {
      const at = presets.findIndex((preset) => isShown(preset, store));
      select.value = at < 0 ? "" : at;
    },
  };
}

function readouts(store, waiting) {
  const boxes = { difference: "Difference A − B", p: "P(A preferred)" };
  const numbers = Object.fromEntries(Object.keys(boxes).map((key) => [key, element("div", { class: "rx-figure" })]));
  const parts = ["a", "b"].map((side) => element("div", { class: `rx-part rx-part-${side}`, text: side.toUpperCase() }));
  const bar = element("div", { class: "rx-share", "aria-hidden": "true" }, ...parts);
  const words = element("p", { class: "rx-words" });
  const from = element("p", { class: "rx-quiet" });
  const notice = element("p", { class: "rx-note" });
  const node = element("div", { class: "rx-card rx-probe-readout", role: "status" },
    element("div", { class: "rx-figures" }, ...Object.entries(boxes).map(([key, name]) =>
      element("div", {}, element("div", { class: "rx-quiet", text: name }), numbers[key]))),
    element("div", {}, bar, words, from, notice));
  let patience = null;
  let late = false;

  function draw() {
    if (!waiting()) {
      clearTimeout(patience);
      patience = null;
      late = false;
    } else if (patience === null) {
      patience = setTimeout(() => { late = true; draw(); }, PATIENCE);
    }
    const [a, b] = store.get("scores");
    const known = a !== null && b !== null;
    const shown = known && store.get("revealed");
    const p = known ? preferenceProbability((a - b) / store.get("temperature")) : 0.5;
    update(node, { "data-answered": store.get("answered"), "aria-busy": String(late), class: `rx-card rx-probe-readout${late ? " rx-late" : ""}` });
    update(numbers.difference, { text: shown ? signed(a - b) : known ? "?" : "none" });
    update(numbers.p, { text: shown ? p.toFixed(3) : known ? "?" : "none" });
    bar.classList.toggle("rx-guess", !shown);
    parts[0].style.flexGrow = shown ? p : 0.5;
    parts[1].style.flexGrow = shown ? 1 - p : 0.5;
    update(words, { text: inWords({ known, revealed: store.get("revealed"), p }) });
    update(from, { text: source(store, late) });
    update(notice, { text: store.get("notice"), hidden: !store.get("notice") });
  }
  return { node, draw, close: () => clearTimeout(patience) };
}

function inWords({ known, revealed, p }) {
  if (!known) return "There are not two scores to compare.";
  if (!revealed) return "Predict: which response scores higher, and by how much? Then press Reveal.";
  if (Math.abs(p - 0.5) < 0.005) return "The model expects a toss-up between the two.";
  const [better, share] = p > 0.5 ? ["A", p] : ["B", 1 - p];
  const hundred = share > 0.995 ? "more than 99" : Math.round(100 * share);
  return `The model expects ${better} to be preferred in ${hundred} of 100 judgements.`;
}

function source(store, late) {
  if (!store.live) return `Scores: ${store.get("scores_from")}. Live scoring needs a kernel: open the probe in a notebook, or with “rmlab explore”.`;
  if (!store.get("answering")) return `Scores: ${store.get("scores_from")}. No model answers here: give one, as in probe(model).`;
  if (store.get("connection")) return `Scores: ${store.get("scores_from")}. They do not follow the texts until this page is connected again.`;
  if (store.lost()) return `Scores: ${store.get("scores_from")}. They do not follow the texts, because the kernel has stopped.`;
  return late ? `${store.get("model")} is scoring; these are the scores before.` : `Scores: ${store.get("scores_from")}.`;
}

/** What both course models said of the preset that is shown. */
function recordedTable(store) {
  const presets = store.get("data").probe?.presets ?? [];
  const body = element("tbody");
  const title = element("caption");
  const node = element("div", { class: "rx-card" }, element("table", { class: "rx-numbers-table" }, title,
    element("thead", {}, element("tr", {}, element("td"),
      ...["A", "B", "A − B", "P(A)"].map((text) => element("th", { scope: "col", text })))), body));
  return {
    node,
    draw() {
      const preset = presets.find((each) => isShown(each, store));
      update(node, { hidden: !preset });
      if (!preset) return;
      update(title, { text: `Recorded for “${preset.name}”, of the course's two models` });
      body.replaceChildren(...preset.recorded.map(([model, a, b]) => {
        const figures = [signed(a), signed(b), signed(a - b), preferenceProbability((a - b) / store.get("temperature")).toFixed(3)];
        return element("tr", {}, element("th", { scope: "row", text: model }),
          ...figures.map((text) => element("td", { text: store.get("revealed") ? text : "?" })));
      }));
    },
  };
}
