// Judging in the page itself: pairs, a key for each verdict, labels that the browser keeps, and the head that is fitted to them.
import { download } from "../core/csv.js";
import { element, update } from "../core/dom.js";
import { labelsFile } from "../judge/desk.js";
import { judgingOf } from "../judge/in_page.js";
import { judging } from "../judge/rater.js";
import { KEYS_IN_WORDS } from "../judge/verdicts.js";

const SURE = 5_000; // milliseconds within which a second press forgets the labels

export const judge = {
  name: "judge",
  title: "Judge",
  plain: true, // there is nothing to predict, and the labels are no part of the state
  /** Move the focus here when the tab is chosen, so that arrow keys are verdicts and no longer move between tabs. */
  enter(root) {
    const first = root.querySelector(".rx-verdict");
    (first.offsetParent ? first : root.querySelector(".rx-judging")).focus({ preventScroll: true }); // hidden when all are judged
  },
  render(root, store) {
    const { data, desk, head } = judgingOf(store);
    const panel = element("div", { class: "rx-judging", tabindex: 0, role: "group", "aria-label": KEYS_IN_WORDS });
    const labels = labelsCard(data, desk, () => judge.enter(root));
    const own = headCard(store, head);
    root.append(panel, own.node, labels.node);
    const news = (listen) => {
      const ends = [desk.on(listen), head.on(listen)];
      const elsewhere = (event) => { if (event.key?.endsWith(data.key)) listen(); }; // another tab of this file
      addEventListener("storage", elsewhere);
      return () => { ends.forEach((end) => end()); removeEventListener("storage", elsewhere); };
    };
    const draw = () => { labels.draw(); own.draw(); };
    const ends = [judging(panel, { ask: desk.ask, keys: [panel, document], who: "page", news }), news(draw)];
    draw();
    return () => ends.forEach((end) => end());
  },
};

/** The card that shows where the labels are kept, with buttons to download or forget them. */
function labelsCard(data, desk, begin) {
  const words = element("p", { class: "rx-words", role: "status" });
  const button = (text, onClick) => element("button", { type: "button", class: "rx-button", text, onClick });
  const save = button("Download the labels", () =>
    download(`${data.name}-labels.jsonl`, labelsFile(desk.stands(), { places: desk.places, questions: data.questions }), { type: "application/jsonl" }));
  const forget = button("Forget the labels", () => {
    const sure = asked;
    asked = !sure;
    if (sure) desk.forget();
    else setTimeout(() => { asked = false; draw(); }, SURE);
    draw();
    if (sure) begin(); // this button is disabled now, and would swallow the keys
  });
  let asked = false;
  const node = element("section", { class: "rx-card", "aria-label": "Your labels" },
    element("h2", { class: "rx-title", text: "Your labels" }), words,
    element("div", { class: "rx-buttons" }, save, forget),
    element("p", { class: "rx-quiet", text: "The file is JSONL, one preference pair per line, which rmlab train and rmlab.read_pairs can read. rmlab.labels.import_pairs adds it to a store." }));
  function draw() {
    const n = desk.stands().length;
    const held = desk.lasting() ? "This browser keeps them for this file, and nobody else sees them." : "This browser keeps nothing for this page: download them before you close it.";
    update(words, { text: n ? `${n} ${n === 1 ? "judgement" : "judgements"}. ${held}` : `None yet. ${desk.lasting() ? "This browser will keep them for this file." : held}` });
    for (const one of [save, forget]) update(one, { disabled: !n });
    update(forget, { text: asked && n ? `Really forget ${n} ${n === 1 ? "label" : "labels"}?` : "Forget the labels" });
  }
  return { node, draw };
}

/** The card about the reader's own head. */
function headCard(store, head) {
  const words = element("p", { class: "rx-words", role: "status" });
  const rows = element("tbody");
  const table = element("div", { class: "rx-scroll", tabindex: 0, role: "group", "aria-label": "How often each head agrees with you" },
    element("table", { class: "rx-numbers-table" },
      element("thead", {}, element("tr", {}, element("td"), ...["agrees with you", "95% interval", "judgements"].map((text) => element("th", { scope: "col", text })))), rows));
  const probe = element("button", { type: "button", class: "rx-button", text: "Probe your own head", onClick: () => store.set({ view: "probe" }) });
  const note = element("p", { class: "rx-quiet" });
  const buttons = element("div", { class: "rx-buttons" }, probe);
  const node = element("section", { class: "rx-card", "aria-label": "Your own head" },
    element("h2", { class: "rx-title", text: "Your own head" }), words, table, note, buttons);
  return {
    node,
    draw() {
      const state = head.state();
      update(node, { hidden: !state.live });
      update(words, { text: headInWords(state) });
      const accuracies = state.fitted ? [["your own head", state.accuracy], ["the model's head", state.ofModel]].filter(([, one]) => one) : [];
      rows.replaceChildren(...accuracies.map(([name, { value, lower, upper, n }]) => element("tr", {}, element("th", { scope: "row", text: name }),
        ...[value.toFixed(2), `${lower.toFixed(2)} to ${upper.toFixed(2)}`, n].map((text) => element("td", { text })))));
      update(table, { hidden: !accuracies.length });
      update(note, { hidden: !accuracies.length, text: "Your own head is tested only on prompts that it was not fitted to: ten fits, each without a tenth of the prompts. A coin would agree with you half of the time. Ties are left out." });
      update(buttons, { hidden: !state.fitted || !store.get("views").includes("probe") });
    },
  };
}

/** Describe the reader's own head, or what it is waiting for. */
export function headInWords({ failure, labels, missing, read, leftOut, used, fitted }) {
  const long = leftOut ? ` ${leftOut} of them are too long for the model, and are left out.` : "";
  if (failure) return `The model could not read your pairs: ${failure}`;
  if (missing) return `${missing} more ${missing === 1 ? "judgement" : "judgements"}, and a reward model of your own is fitted: the same network, with a head that learns from your labels alone.`;
  if (read < labels && !fitted) return `The model is reading your pairs: ${read} of ${labels}.${long}`;
  if (!fitted) return `These labels are too few: ${used} of ${labels} can be used.${long}`;
  return `A reward model of your own: the same network, with a head fitted to your ${used} labels and to nothing else. In the probe it answers each edit, next to the model.${long}`;
}
