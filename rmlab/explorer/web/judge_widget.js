// Judging in a notebook: the same view as on the page, with requests that go to the kernel.
import { element } from "./core/dom.js";
import { keepKeys } from "./core/keep_keys.js";
import { judging } from "./judge/rater.js";
import { Refusal } from "./judge/refusal.js";
import { KEYS_IN_WORDS } from "./judge/verdicts.js";

const LONGEST_WAIT = 20_000; // milliseconds; a kernel that runs a cell answers after it
const COPY = Math.random().toString(36).slice(2); // two views of one widget must not take each other's answers

/** What anywidget calls. */
export function render({ model, el }) {
  const panel = element("section", { class: "rx-panel", tabindex: 0, "aria-label": KEYS_IN_WORDS });
  const waiting = new Map(); // id of a request -> what takes its answer
  let asked = 0;
  el.classList.add("rx");
  el.replaceChildren(panel);
  const release = keepKeys(el);

  function ask(path, body = {}, query = {}) {
    const id = `${COPY}-${(asked += 1)}`;
    return new Promise((answer, refuse) => {
      const late = setTimeout(() => { waiting.delete(id); refuse(new Error("no answer")); }, LONGEST_WAIT);
      waiting.set(id, { answer, refuse, late });
      model.send({ id, path, body: { ...body, ...query } });
    });
  }

  function hear({ id, status, said }) {
    const question = waiting.get(id);
    if (!question) return;
    waiting.delete(id);
    clearTimeout(question.late);
    if (status === 200) question.answer(said);
    else question.refuse(new Refusal(status, said));
  }

  model.on("msg:custom", hear);
  const stop = judging(panel, { ask, keys: [el], who: "kernel" });
  return () => {
    model.off("msg:custom", hear);
    waiting.forEach(({ late }) => clearTimeout(late));
    stop();
    release();
  };
}
