// What the reader sees first: a question, two answers and a vote; then an animation of the path from two scores to P.
import { scoresToP } from "../charts/scores_to_p.js";
import { signed } from "../charts/chart.js";
import { element, unique, update } from "../core/dom.js";
import { play } from "../core/motion.js";
import { preferenceProbability } from "../core/preference.js";
import { learnedFrom, withCourseModel } from "../parts/terms.js";

const WHOLE = 3_600; // milliseconds in which the path draws itself
const SEEN = "rmlab-opening-seen";
const A_YEAR = 31_536_000; // seconds
const KEYS = { 1: "a", 2: "b", a: "a", b: "b" };

/**
 * Whether this browser has shown the opening. A file remembers that in the browser's storage; a served page, whose port
 * changes each time, in a cookie. If neither is allowed, nothing is remembered.
 */
export function seen() {
  return allowed(() => localStorage.getItem(SEEN)) !== null || (allowed(() => document.cookie) ?? "").includes(`${SEEN}=`);
}

/** Remember that this browser has shown it. */
export function remember() {
  allowed(() => localStorage.setItem(SEEN, "yes"));
  allowed(() => { document.cookie = `${SEEN}=yes; max-age=${A_YEAR}; path=/; samesite=strict`; });
}

function allowed(storage) {
  try {
    return storage() ?? null;
  } catch {
    return null; // storage is turned off, or this frame may not use it
  }
}

/** Compare the reader's choice with the model's probability that A is preferred, in words. */
export function comparedInWords(vote, p) {
  const [name, share] = vote === "a" ? ["A", p] : ["B", 1 - p];
  const [better, most] = p > 0.5 ? ["A", p] : ["B", 1 - p];
  const hundred = most > 0.995 ? "more than 99" : Math.round(100 * most);
  const says = Math.abs(p - 0.5) < 0.005 ? "it expects a toss-up" : `it expects ${better} to be preferred in ${hundred} of 100 such choices`;
  return `You chose ${name}; the model gives ${name} ${share.toFixed(2)}: ${says}.`;
}

/**
 * The question over the pair that the store starts with. leave(view, texts) is called when the reader goes on, with the
 * view that was asked for, or null, and with other texts for it. `node`, `open()`, `close()`.
 */
export function opening(store, leave) {
  const start = store.get("start");
  let vote = null;
  let share = 0;
  let stop = () => {};
  const picture = scoresToP();
  const question = element("h2", { class: "rx-title", id: unique("question"), text: "Which answer is better?" });
  const answers = ["a", "b"].map((side, i) => element("button", {
    type: "button", class: `rx-answer rx-card rx-${side}`, "aria-pressed": "false", "aria-keyshortcuts": String(i + 1), onClick: () => choose(side),
  },
  element("span", { class: "rx-answer-head" },
    element("span", { class: "rx-side", text: side === "a" ? "● Answer A" : "■ Answer B" }), element("kbd", { text: String(i + 1), "aria-hidden": "true" })),
  element("span", { class: "rx-answer-text", dir: "auto", text: start[`response_${side}`] })));
  const steps = [
    ["pins", "The model reads each answer by itself and gives it a score."],
    ["gap", "Only the difference between the two scores counts."],
    ["rise", "The S-shaped curve, the sigmoid, turns the difference into a probability."],
  ].map(([name, text]) => [name, element("li", { text })]);
  const list = element("ol", { class: "rx-steps" }, ...steps.map(([, node]) => node));
  const verdict = element("p", { class: "rx-words rx-verdict-words", role: "status" });
  const source = element("p", { class: "rx-quiet" });
  const button = (text, onClick, more = "") => element("button", { type: "button", class: `rx-button ${more}`, text, onClick });
  const skip = button("Skip (Esc)", () => leave(null));
  const way = (why, ...one) => element("div", { class: "rx-way" }, button(...one), element("span", { class: "rx-quiet", text: why }));
  const views = store.get("views");
  const { fooled } = store.get("data").opening;
  const ways = [ // where to go next, each with a few words on what is there
    way("from the two texts to the loss, number by number", "Follow this pair", () => leave("path"), "rx-first"),
    views.includes("probe") && fooled !== null
      ? way(`its twin, which ${learnedFrom("its flattered twin")}`, "See a model being fooled", () => leave("probe", fooled)) : null,
    views.includes("optimise")
      ? way("which answers win, and what becomes of the true reward", "Optimise a score like this", () => leave("optimise")) : null,
    way("", "Choose again", () => { show(null); answers[0].focus(); }),
  ].filter(Boolean);
  const node = element("section", { class: "rx-opening", "aria-label": store.get("data").opening.title, onKeydown: press },
    element("p", { class: "rx-purpose", text: store.get("data").opening.purpose }),
    element("div", { class: "rx-opening-grid" },
      element("div", { class: "rx-stack" },
        element("div", { class: "rx-card" }, element("h2", { class: "rx-who-asks", text: "Someone asks" }), element("p", { class: "rx-somebody-asks", dir: "auto", text: start.prompt })),
        question,
        element("div", { class: "rx-two", role: "group", "aria-labelledby": question.id }, ...answers),
        skip),
      element("div", { class: "rx-card rx-unfolding" }, picture.node, list, verdict, source),
      element("div", { class: "rx-onward" }, ...ways)));

  function scores() { // those of the start, until the model has answered for the same texts
    const same = ["prompt", "response_a", "response_b"].every((name) => store.get(name) === start[name]);
    const now = same && store.get("scores").every((score) => score !== null);
    return now ? [store.get("scores"), store.get("scores_from")] : [start.scores, start.scores_from];
  }
  function draw() {
    const [[a, b], from] = scores();
    picture.draw({ a, b, vote, share });
    const done = vote !== null && share === 1;
    for (const [name, step] of steps) step.classList.toggle("rx-told", vote !== null && share >= whenTold(name));
    for (const one of ways) update(one, { hidden: !done }); // first the verdict, then the ways on
    update(skip, { hidden: done });
    update(verdict, { text: done ? comparedInWords(vote, preferenceProbability(a - b)) : "" });
    update(source, { text: done ? withCourseModel(`Scores: A ${signed(a)}, B ${signed(b)}, ${from}`) : "" });
  }
  function show(chosen, atOnce = false) {
    stop();
    vote = chosen;
    answers.forEach((answer, i) => update(answer, { "aria-pressed": String("ab"[i] === vote) }));
    node.classList.toggle("rx-voted", vote !== null);
    share = 0;
    if (vote === null) draw();
    else stop = play((now) => { share = now; draw(); }, atOnce ? 0 : WHOLE);
  }
  function choose(side) {
    if (vote !== null) return;
    remember();
    show(side);
    node.querySelector(".rx-unfolding").scrollIntoView({ block: "nearest" });
  }
  function press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") leave(null);
    else if (KEYS[event.key.toLowerCase()]) choose(KEYS[event.key.toLowerCase()]);
  }
  const elsewhere = (event) => { if (!node.parentElement?.contains(event.target)) press(event); };
  const off = store.on(["scores", "scores_from"], draw);
  return {
    node,
    open() {
      show(vote, true); // a reader who comes back finds the vote and its result
      if (store.page) document.addEventListener("keydown", elsewhere); // nothing on the page has the focus at first
    },
    close() {
      stop();
      remember();
      document.removeEventListener("keydown", elsewhere);
    },
    end() {
      stop();
      off();
      picture.close();
      document.removeEventListener("keydown", elsewhere);
    },
  };
}

/** The share of the animation at which a step is shown. */
const whenTold = (name) => ({ pins: 0.02, gap: 0.36, rise: 0.7 })[name];
