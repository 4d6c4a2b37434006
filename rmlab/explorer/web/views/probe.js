// Two responses to a prompt, to edit: their scores, the difference and P follow the typing.
import { signed } from "../charts/chart.js";
import { element, unique, update } from "../core/dom.js";
import { comparison, editList } from "../parts/edits.js";
import { exampleMenu, recordedTable } from "../parts/examples.js";
import { edited } from "../core/chips.js";
import { find, newestChild, originOf, pickable, recorded, scored, textsOf, TEXTS, trailOf } from "../core/history.js";
import { relabelled } from "../core/label.js";
import { loadingLine } from "../parts/loading.js";
import { differenceOf, readouts, scorersOf } from "../parts/needles.js";
import { ofTheTexts } from "../charts/number_line.js";
import { isOf, tokenCards } from "../parts/tokens.js";
import { trail } from "../charts/trail.js";

const TYPED = 30; // milliseconds from the last key to the request
const RESTED = 800; // milliseconds without a key, after which what was typed becomes an edit
const NOT_YET = {};

export const probe = {
  name: "probe",
  title: "Probe",
  render(root, store) {
    const answering = store.live && store.get("answering");
    const ask = (values) => store.set({ ...values, ...relabelled(store, values), ...(answering && { request: store.get("request") + 1 }) });
    const texts = () => Object.fromEntries(TEXTS.map((name) => [name, store.get(name)]));
    let timer = null;

    function record(what = "") { // an edit ends
      clearTimeout(timer);
      for (const editor of Object.values(editors)) editor.flush();
      const origin = () => originOf(texts(), pickable(store));
      const made = recorded(store.get("history"), store.get("here"), texts(), what || origin());
      if (made) store.set({ ...made, history: waiting() ? scored(made.history, made.here, [null, null]) : withScores(made.history, made.here) });
    }
    function go(id) {
      record();
      const entry = find(store.get("history"), id);
      if (!entry) return;
      const known = answering ? {} : { scores: entry.scores ?? [null, null], scores_from: `of edit ${id}` }; // else the model scores the texts again
      ask({ ...textsOf(store.get("history"), id), here: id, ...known });
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
    const waiting = () => answering && !store.lost() && (store.get("answered") !== store.get("request") || !ofTheTexts(store));
    const chips = answering ? store.get("data").probe?.chips ?? [] : [];
    function withScores(history, id) {
      const [first, second] = scorersOf(store);
      return scored(history, id, first.scores, second && !second.late ? second.scores : null);
    }
    function attempt(name, chip) {
      record();
      ask({ [name]: edited(store.get(name), chip) });
      record(`${chip.name}, in ${NAMES[name]}`);
    }

    const editors = Object.fromEntries(TEXTS.map((name) => [name, editor(name, { store, ask, record, answering, chips, attempt })]));
    const button = (text, onClick) => element("button", { type: "button", class: "rx-button", text, onClick });
    const undo = button("Undo", () => { record(); go(find(store.get("history"), store.get("here")).parent); });
    const redo = button("Redo", () => go(newestChild(store.get("history"), store.get("here")).id));
    const swapper = button("Swap A and B", swap);
    const pinner = button("Pin this edit", () => { record(); pin(store.get("here")); });
    const explain = element("input", { type: "checkbox", onChange: () => ask({ explain: explain.checked }) });
    const examples = exampleMenu(store, (preset) => { record(); ask(structuredClone(preset.state)); record(`example “${preset.name}”`); });
    const loading = loadingLine(store);
    const readout = readouts(store, { waiting });
    const way = trail({ go });
    const wayCard = element("div", { class: "rx-card" }, element("h3", { text: "The difference after each edit" }), way.node, way.legend);
    const tokens = tokenCards();
    const edits = editList({ go, pin });
    const pinned = comparison();
    const known = recordedTable(store);
    root.append(element("div", { class: "rx-probe" },
      examples.node,
      editors.prompt.node,
      element("div", { class: "rx-two" }, editors.response_a.node, editors.response_b.node),
      loading.node, element("div", { class: "rx-answer-row" }, readout.node, wayCard),
      element("div", { class: "rx-controls" },
        element("div", { class: "rx-buttons", role: "group", "aria-label": "Edits" }, undo, redo, swapper, pinner),
        element("label", { class: "rx-choice", hidden: !answering }, explain, element("span", { text: "What each token adds" }))),
      known.node, // below the controls: it goes with the first edit, and a control must stay where a click goes
      tokens.node, pinned.node, edits.node));

    function draw() {
      const history = store.get("history");
      const here = store.get("here");
      const revealed = store.get("revealed");
      for (const each of Object.values(editors)) each.draw();
      examples.draw();
      loading.draw();
      readout.draw();
      known.draw();
      const entry = find(history, here);
      update(undo, { disabled: !entry || entry.parent === null });
      update(redo, { disabled: !newestChild(history, here) });
      explain.checked = store.get("explain");
      const attribution = store.get("attribution");
      const current = isOf(attribution, store.get("response_a"), store.get("response_b"));
      const coming = answering && !store.get("error"); // else it will not be computed
      update(tokens.node, { hidden: !(store.get("explain") && revealed && (coming || (current && attribution.words))) });
      tokens.draw(current ? attribution : NOT_YET, { a: store.get("response_a"), b: store.get("response_b") });
      edits.draw({ history, here, pins: store.get("pins"), revealed, guesses: store.get("guesses") });
      const steps = trailOf(history, here);
      update(wayCard, { hidden: !answering && steps.length < 2 }); // where texts can be edited, it keeps its space: a click that ends an edit must not move the button under it
      way.draw({
        here, shown: revealed, names: scorersOf(store).map(({ name }) => name),
        entries: steps.map(({ id, scores, second }) => ({ id, values: [scores, second].map((each) => (each ? differenceOf(each) : null)) })),
      });
      pinned.draw({ history, pins: store.get("pins"), revealed, temperature: store.get("temperature") });
    }
    const off = [
      store.on([...TEXTS, "scores", "scores_from", "answered", "notice", "temperature", "revealed", "history", "here", "pins", "explain",
        "attribution", "error", "connection", "lost", "guess", "guesses", "second", "loading"], draw),
      store.on(TEXTS, () => { clearTimeout(timer); timer = setTimeout(() => record(), RESTED); }),
      store.on(["answered", "scores", "second"], () => {
        const same = TEXTS.every((name) => textsOf(store.get("history"), store.get("here"))[name] === store.get(name));
        const history = same && !waiting() ? withScores(store.get("history"), store.get("here")) : store.get("history");
        if (history !== store.get("history")) store.set({ history });
      }),
    ];
    record();
    draw();
    if (answering && !ofTheTexts(store)) ask({}); // scores that were set by hand on the curve give way to the model's
    return () => { record(); clearTimeout(timer); readout.close(); way.close(); for (const each of off) each(); };
  },
};

const NAMES = { response_a: "A", response_b: "B" };

/** If two models score a response: whose score is shown first, and the other model's score. */
function whoseInWords([first, second], index) {
  if (!second) return "";
  const value = second.scores[index];
  return ` by ${first.name}, ${value === null ? (second.late ? "…" : "none") : signed(value)} by ${second.name}`;
}

function editor(name, { store, ask, record, answering, chips, attempt }) {
  const title = { prompt: "Prompt", response_a: "● Response A", response_b: "■ Response B" }[name];
  const side = { prompt: "", response_a: " rx-a", response_b: " rx-b" }[name];
  const index = { response_a: 0, response_b: 1 }[name];
  const field = unique("text");
  let timer = null;
  let shown = null; // the text in the store: a textarea changes line endings
  const area = element("textarea", {
    id: field, class: "rx-text", dir: "auto", spellcheck: "false", rows: name === "prompt" ? 2 : 6, readonly: !answering,
    onInput: () => { clearTimeout(timer); timer = setTimeout(flush, TYPED); }, onChange: () => record(),
  });
  const score = element("span", { class: "rx-score" });
  const whose = element("span", { class: "rx-whose" });
  function flush() {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    shown = area.value;
    if (shown !== store.get(name)) ask({ [name]: shown });
  }
  const buttons = index === undefined ? [] : chips.map((chip) => element("button", {
    type: "button", class: "rx-button rx-chip", text: chip.name, "aria-label": `${chip.name}, in ${NAMES[name]}`, onClick: () => attempt(name, chip),
  }));
  return {
    node: element("div", { class: `rx-card rx-editor${side}` },
      element("div", { class: "rx-editor-head" }, element("label", { for: field, class: "rx-side", text: title }), element("span", {}, score, whose)), area,
      buttons.length ? element("div", { class: "rx-chips", role: "group", "aria-label": `Try on ${NAMES[name]}` }, ...buttons) : null),
    flush,
    draw() {
      if (timer === null && store.get(name) !== shown) {
        shown = store.get(name);
        area.value = shown;
      }
      if (index === undefined) return;
      const scorers = scorersOf(store);
      const [own] = scorers.map(({ scores }) => scores[index]);
      const shows = store.get("revealed");
      update(score, { text: !shows ? "score ?" : own === null ? "no score" : `score ${signed(own)}` });
      update(whose, { text: shows ? whoseInWords(scorers, index) : "" });
    },
  };
}
