// The terms of a view: each is a button that opens a sentence over what is below. The sentences are those of
// docs/glossary.md, with plain words before any formula; a test compares them.
import { element, unique, update } from "../core/dom.js";

export const TERMS = {
  "best of n": { entry: "Best of n", text: "Draw n replies from a policy, and keep the one with the highest reward." },
  calibration: { entry: "Calibration", text: "A model is calibrated if it is right on 80% of the pairs for which it says 80%, and likewise for every other percentage." },
  "the course's model": { entry: "Course's model", text: "A small reward model that comes with rmlab. It learned from the choices of a simulated judge between replies to everyday questions." },
  ensemble: { entry: "Ensemble", text: "Several models fitted to the same pairs drawn again. Where they disagree, their worst case or their variance warns an optimiser off; it does not see the errors that they share." },
  "held-out pairs": { entry: "Held-out pairs", text: "Pairs that are not trained on, and that are used to make choices: when to stop, which model, which temperature." },
  KL: { entry: "Kullback–Leibler divergence", text: "KL: how far one policy is from another, as the mean log of how much more likely its own replies have become, in nats. Its square root is the distance d." },
  label: { entry: "Label", text: "The judge's verdict on a pair." },
  loss: { entry: "Loss", text: "The number that training makes small. For a pair it is −log P, where P is the probability that the model gave to the choice that was made." },
  nats: { entry: "Nat", text: "The unit of scores and of losses. If A leads by one nat, the model expects A to be preferred in 73 of 100 judgements; without a lead, in 50." },
  policy: { entry: "Policy", text: "The probability of each reply to a question: what is sampled from, and what reinforcement learning changes." },
  "price β": { entry: "Price β", text: "The reward that a policy pays for each nat of KL between it and where it began. At a low price it goes far for a little more reward." },
  proxy: { entry: "Proxy", text: "The reward that is optimised, such as a reward model's, in place of the true one." },
  "score difference": { entry: "Score difference", text: "Score of the chosen response minus score of the rejected one, in nats. If it is positive, the model agrees with the judge." },
  sigmoid: { entry: "Sigmoid", text: "The S-shaped curve that turns any difference into a probability: 0 into one half, a large one into nearly 1. σ(d) = 1 / (1 + e^−d)." },
  temperature: { entry: "Temperature", text: "A positive number by which all scores are divided. Above 1 it makes a model less sure." },
  twin: { entry: "Twin", text: "A model made like another, except for one thing. The course's twin learned from a judge who likes to be flattered." },
};

const COURSE = "the course's model";

/** How a loss compares with that of P = 0.5, in words. */
export function besideEven(loss) {
  const even = Math.log(2);
  const found = Math.abs(loss - even) < 0.0005 ? "as large as" : loss < even ? "less than" : "more than";
  return `${found} for P = 0.5 (0.693)`;
}

/** What a number in nats means, in half a sentence. */
export const LEAD = "a lead of 1 is expected to win 73 of 100 judgements";
export const NATS = `in nats: ${LEAD}`;

/** What a model learned from, in half a sentence; "" if its name is clear, or if it is not a model of the course. */
export const learnedFrom = (name) => (/\bflattered twin$/.test(name) ? "learned from a judge who likes flattery" : "");

const USED = {
  path: ["label", "nats", "sigmoid", "temperature", "loss"],
  curve: ["nats", "sigmoid", "temperature", "loss"],
  probe: ["nats", "temperature", "twin"],
  pairs: ["label", "score difference", "nats", "calibration", "loss"],
  film: ["held-out pairs", "label", "nats", "calibration", "loss"],
  compare: ["label", "score difference", "twin"],
  optimise: ["proxy", "policy", "best of n", "price β", "KL", "ensemble", "twin", "nats"],
};

/** Terms that only some explorers need: whether this one does. */
const SOME = {
  optimise: {
    ensemble: ({ proxies }) => proxies.some(({ members }) => members > 0),
    twin: ({ proxies }) => proxies.some(({ name }) => learnedFrom(name)),
  },
};

/** If a text ends in "the course's model", add what that is; to any other text, add a full stop. */
export function withCourseModel(text) {
  const meant = TERMS[COURSE].text;
  return text.endsWith(COURSE) ? `${text}: ${meant[0].toLowerCase()}${meant.slice(1)}` : `${text}.`;
}

/** The terms of a view with a place for one sentence; null for a view without any. */
export function termsOf(view, store) {
  if (!USED[view]) return null;
  const ours = ["model", "scores_from"].some((name) => (store.get(name) ?? "").includes(COURSE));
  const used = [...(ours ? [COURSE] : []), ...USED[view].filter((name) => SOME[view]?.[name]?.(store.get("data")[view]) ?? true)];
  const sentence = element("p", { class: "rx-term-text", id: unique("term"), hidden: true, tabindex: -1 });
  let open = null;
  const show = (name) => {
    open = name;
    for (const button of buttons) update(button, { "aria-expanded": String(button.textContent === open) });
    update(sentence, { hidden: open === null, text: open === null ? "" : TERMS[open].text });
  };
  const buttons = used.map((name) => element("button", {
    type: "button", class: "rx-term", text: name, "aria-expanded": "false", "aria-controls": sentence.id,
    onClick: () => show(open === name ? null : name),
  }));
  const node = element("div", {
    class: "rx-terms", // it covers what is below, so it closes when the reader turns to that
    onKeydown: (event) => { if (event.key === "Escape" && open !== null) { event.stopPropagation(); show(null); } },
    onFocusout: (event) => { if (!node.contains(event.relatedTarget)) show(null); },
  },
    element("div", { class: "rx-term-names", role: "group", "aria-label": "Words used here" }, element("span", { text: "Words used here:", "aria-hidden": "true" }), ...buttons), sentence);
  return node;
}
