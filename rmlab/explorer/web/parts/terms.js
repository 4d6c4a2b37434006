// The words of a view, each a button that opens on a sentence. The sentences are those of docs/glossary.md; a test compares.
import { element, unique, update } from "../core/dom.js";

export const TERMS = {
  calibration: { entry: "Calibration", text: "A model is calibrated if it is right on 80% of the pairs for which it says 80%, and likewise for every other percentage." },
  "the course's model": { entry: "Course's model", text: "A small reward model that comes with rmlab. It learned from the choices of a simulated judge between replies to everyday questions." },
  "held-out pairs": { entry: "Held-out pairs", text: "Pairs that are not trained on, and that are used to make choices: when to stop, which model, which temperature." },
  label: { entry: "Label", text: "What the judge said of a pair." },
  loss: { entry: "Loss", text: "The number that training makes small. For a pair it is −log P, where P is the probability that the model gave to the choice that was made." },
  nats: { entry: "Nat", text: "The unit of scores and of losses. If A leads by one nat, the model expects A to be preferred in 73 of 100 judgements; without a lead, in 50." },
  "score difference": { entry: "Score difference", text: "Score of the chosen response minus score of the rejected one, in nats. If it is positive, the model agrees with the judge." },
  sigmoid: { entry: "Sigmoid", text: "σ(d) = 1 / (1 + e^−d). It turns any difference into a probability: 0 into one half, a large one into nearly 1." },
  temperature: { entry: "Temperature", text: "A positive number by which all scores are divided. Above 1 it makes a model less sure." },
  twin: { entry: "Twin", text: "A model made like another, except for one thing. The course's twin learned from a judge who likes to be flattered." },
};

const COURSE = "the course's model";

const USED = {
  path: ["label", "nats", "sigmoid", "temperature", "loss"],
  curve: ["nats", "sigmoid", "temperature", "loss"],
  probe: ["nats", "temperature", "twin"],
  pairs: ["label", "score difference", "nats", "calibration", "loss"],
  film: ["held-out pairs", "label", "nats", "calibration", "loss"],
  compare: ["label", "score difference", "twin"],
};

/** A text that ends in the course's model, with what is meant by it; any other with a full stop. */
export function withCourseModel(text) {
  const meant = TERMS[COURSE].text;
  return text.endsWith(COURSE) ? `${text}: ${meant[0].toLowerCase()}${meant.slice(1)}` : `${text}.`;
}

/** The words of a view and a place for one sentence; null for a view without any. */
export function termsOf(view, store) {
  if (!USED[view]) return null;
  const ours = ["model", "scores_from"].some((name) => (store.get(name) ?? "").includes(COURSE));
  const used = [...(ours ? [COURSE] : []), ...USED[view]];
  const sentence = element("p", { class: "rx-term-text", id: unique("term"), hidden: true });
  let open = null;
  const buttons = used.map((name) => element("button", {
    type: "button", class: "rx-term", text: name, "aria-expanded": "false", "aria-controls": sentence.id,
    onClick: () => {
      open = open === name ? null : name;
      for (const button of buttons) update(button, { "aria-expanded": String(button.textContent === open) });
      update(sentence, { hidden: open === null, text: open === null ? "" : TERMS[open].text });
    },
  }));
  return element("div", { class: "rx-terms" },
    element("div", { class: "rx-term-names", role: "group", "aria-label": "Words used here" }, element("span", { text: "Words used here:", "aria-hidden": "true" }), ...buttons), sentence);
}
