// A session of grey patches without a kernel: it asks what PatchSession of rmlab/course/patches.py asks, and shows at the
// end how often the reader put a pair in the same order both times.
import { localModel } from "../core/store.js";

/** A model for patches.js that needs no kernel. `greys`: the patches, darkest first; `parts`: each "ratings" or "comparisons". */
export function patchModel({ greys, parts, seconds, ratings }, { now = () => performance.now() / 1000, random = Math.random } = {}) {
  const model = localModel({ greys: [], line: "", choices: [], screen: 0 });
  const asked = parts.map(() => []); // the questions of each part so far
  const answers = parts.map(() => []); // [patch, rating], or [lighter, darker]
  let part = 0;
  let queue = [];
  let began = null;

  function refill() {
    const all = greys.map((_, i) => i);
    if (part >= 2 && !asked[part].length) {
      const once = new Map(asked[part - 2].map((question) => [[...question].sort().join(), question.toReversed()]));
      queue = shuffled([...once.values()], random);
    } else if (parts[part] === "ratings") {
      queue = shuffled(all.map((patch) => [patch]), random);
    } else {
      const pairs = all.flatMap((a) => all.slice(a + 1).map((b) => (random() < 0.5 ? [a, b] : [b, a])));
      queue = shuffled(pairs, random);
    }
  }

  function take(value) {
    const question = queue.shift();
    asked[part].push(question);
    answers[part].push(question.length === 1 ? [question[0], value] : [question[value], question[1 - value]]);
    if (now() - began >= seconds) {
      part += 1;
      began = null;
      queue = [];
    } else if (!queue.length) refill();
  }

  function press(value) {
    if (value !== null) take(value);
    else {
      refill();
      began = now();
    }
    show();
  }

  function show() {
    const question = began === null ? null : queue[0];
    const [line, choices] = question ? put(question, ratings) : part === parts.length
      ? [`Done. ${inWords(sameOrder(parts, answers))}`, []]
      : [`Next: ${parts[part]}, for ${seconds} seconds. Give one answer to each question; go by your first impression.`, [[`Start part ${part + 1} of ${parts.length}`, null, ""]]];
    model.set("greys", (question ?? []).map((patch) => greys[patch]));
    model.set("line", line);
    model.set("choices", choices);
    model.set("screen", model.get("screen") + 1);
  }

  show();
  return { ...model, send: ({ screen, value }) => { if (screen === model.get("screen")) press(value); } };
}

function put(question, ratings) {
  if (question.length === 1) {
    const numbers = Array.from({ length: ratings }, (_, i) => i + 1);
    return [`How light is it? 1 is dark, ${ratings} is light. (Click, or press the number.)`, numbers.map((n) => [String(n), n, String(n)])];
  }
  return ["Which one is lighter? (Click, or press an arrow key, ← or →.)", [["left is lighter", 0, "ArrowLeft"], ["right is lighter", 1, "ArrowRight"]]];
}

/**
 * Of the pairs that were compared and rated in both rounds, how often both rounds gave the same order, by ratings and by
 * comparisons: [share, share, number]. If the mean ratings of a round are equal, a pair counts one half.
 */
export function sameOrder(parts, answers) {
  const of = (way) => answers.filter((_, i) => parts[i] === way);
  const compared = of("comparisons").map((round) => new Map(round.map(([a, b]) => [`${Math.min(a, b)} ${Math.max(a, b)}`, Math.sign(a - b)])));
  const means = of("ratings").map((round) => {
    const sums = new Map();
    for (const [patch, rating] of round) sums.set(patch, [...(sums.get(patch) ?? []), rating]);
    return new Map([...sums].map(([patch, said]) => [patch, said.reduce((x, y) => x + y, 0) / said.length]));
  });
  const pairs = [...compared[0].keys()].filter((pair) => compared[1].has(pair) && pair.split(" ").every((patch) => means.every((round) => round.has(Number(patch)))));
  const share = (agree) => (1 + pairs.reduce((sum, pair) => sum + agree(pair), 0) / pairs.length) / 2;
  const byRating = (pair) => {
    const [a, b] = pair.split(" ").map(Number);
    return Math.sign(means[0].get(b) - means[0].get(a)) * Math.sign(means[1].get(b) - means[1].get(a));
  };
  return [share(byRating), share((pair) => compared[0].get(pair) * compared[1].get(pair)), pairs.length];
}

function inWords([byRatings, byComparisons, n]) {
  if (!n) return "No pair of patches was both rated and compared in both rounds: the rounds were too short.";
  const percent = (share) => `${Math.round(100 * share)}%`;
  return `Of the ${n} pairs that you compared and rated twice, your comparisons agreed with each other on ${percent(byComparisons)}, and your ratings on ${percent(byRatings)}.`;
}

function shuffled(list, random) {
  const left = [...list];
  return list.map(() => left.splice(Math.floor(random() * left.length), 1)[0]);
}
