// The whole on one page: prompt, two responses, a label, two scores, their difference, P and the loss. Each box opens.
import { line, picture, signed } from "../charts/chart.js";
import { element, svg, unique, update } from "../core/dom.js";
import { judgementLoss, preferenceProbability } from "../core/preference.js";

// From where, and to where, in shares of the width; null: straight down. Last, how far from the middle of the box below.
const ARROWS = {
  responses: [[0.42, 0.24], [0.58, 0.76]], scores: [[0.24, 0.24], [0.76, 0.76]],
  difference: [[0.24, null, -0.06], [0.76, null, 0.06]], p: [[null, null, 0]], loss: [[null, null, 0]],
};

export const path = {
  name: "path",
  title: "The path",
  render(root, store) {
    let opened = "difference";
    const detail = element("p", { tabindex: 0, role: "group", dir: "auto" }); // it may scroll
    const heading = element("h3");
    const group = unique("label");
    const labels = [["a", "A is better"], ["b", "B is better"], ["tie", "a tie"]].map(([value, text]) => {
      const input = element("input", { type: "radio", name: group, value, onChange: () => store.set({ winner: value }) });
      return { input, node: element("label", { class: "rx-choice" }, input, element("span", { text })) };
    });
    const judge = element("div", { class: "rx-choices", role: "radiogroup", "aria-label": "The label" }, ...labels.map((each) => each.node));
    const panel = element("div", { class: "rx-card rx-opened", role: "status", id: unique("opened") }, heading, detail);
    const boxes = Object.fromEntries(["prompt", "response_a", "label", "response_b", "score_a", "score_b", "difference", "p", "loss"].map((name) => {
      const title = element("span", { class: "rx-box-name" });
      const number = ["score_a", "score_b", "difference", "p", "loss"].includes(name);
      const text = element("span", { class: number ? "rx-box-figure" : "rx-box-text", dir: "auto" });
      const side = name.endsWith("_a") ? " rx-a" : name.endsWith("_b") ? " rx-b rx-box-b" : "";
      const node = element("button", {
        type: "button", class: `rx-box rx-box-${name}${side}`, "aria-controls": panel.id,
        onClick: () => { opened = name; draw(); },
      }, title, text);
      return [name, { node, title, text }];
    }));
    const arrows = ["responses", "scores", "difference", "p", "loss"].map((to) => arrowRow(ARROWS[to], boxes[to]?.node));
    const grid = element("div", { class: "rx-path" },
      boxes.prompt.node, arrows[0].node,
      boxes.response_a.node, boxes.response_b.node, arrows[1].node,
      boxes.score_a.node, boxes.score_b.node, arrows[2].node,
      boxes.difference.node, arrows[3].node, boxes.p.node, arrows[4].node, boxes.label.node, boxes.loss.node);
    root.append(element("div", { class: "rx-path-whole" }, grid, element("div", { class: "rx-path-side" }, panel,
      element("div", { class: "rx-card" }, element("h3", { text: "The label, which the loss uses" }), judge))));

    function draw() {
      const [a, b] = store.get("scores");
      const parts = described({
        a, b, prompt: store.get("prompt"), response_a: store.get("response_a"), response_b: store.get("response_b"),
        winner: store.get("winner"), temperature: store.get("temperature"), from: store.get("scores_from"),
        revealed: store.get("revealed"),
      });
      for (const [name, box] of Object.entries(boxes)) {
        update(box.title, { text: parts[name].title });
        update(box.text, { text: parts[name].short });
        update(box.node, { "aria-expanded": String(name === opened) });
      }
      update(heading, { text: parts[opened].title });
      update(detail, { text: parts[opened].long, "aria-label": parts[opened].title });
      for (const { input } of labels) input.checked = input.value === store.get("winner");
      for (const each of arrows) each.draw({});
    }
    const off = store.on(["prompt", "response_a", "response_b", "scores", "scores_from", "winner", "temperature", "revealed"], draw);
    draw();
    return () => { off(); for (const each of arrows) each.close(); };
  },
};

/** Arrows in a row of their own; a single box below says itself where they end. */
function arrowRow(starts, below) {
  const lines = svg("path", { class: "rx-arrow" });
  return picture({ height: 1.8, label: "", role: "presentation", class: "rx-arrows" }, [lines], ({ width, height }) => {
    const middle = below ? below.offsetLeft + below.offsetWidth / 2 - lines.ownerSVGElement.parentNode.offsetLeft : null;
    const drawn = starts.map(([from, to, aside]) => {
      const end = middle === null ? to * width : middle + aside * width;
      const start = from === null ? end : from * width;
      const tip = height - 3;
      return line([[start, 3], [end, tip]]) + line([[end - 6, tip - 7], [end, tip], [end + 6, tip - 7]]);
    });
    update(lines, { d: drawn.join("") });
  });
}

/** Title, short text and long text of each box. */
function described(now) {
  const known = now.a !== null && now.b !== null;
  const [a, b] = known ? [now.a, now.b] : [0, 0];
  const d = (a - b) / now.temperature;
  const p = preferenceProbability(d);
  const loss = judgementLoss(a - b, now.winner, now.temperature);
  const label = { a: "A is better", b: "B is better", tie: "a tie" }[now.winner];
  const number = (value) => (!now.revealed ? "?" : !known ? "none" : value);
  const hidden = now.revealed ? "There are no scores yet." : "Predict first; then press Reveal.";
  const long = (text) => (now.revealed && known ? text : hidden);
  const hot = now.temperature === 1 ? "" : `, divided by the temperature ${now.temperature}: ${signed(d)}`;
  const score = (side, value) => ({
    title: `score of ${side}`,
    short: number(signed(value)),
    long: long(`RM(prompt, ${side}) = ${signed(value, 3)} (${now.from}). The model reads the prompt and this response alone: it sees neither the other response nor the label.`),
  });
  const terms = {
    a: `A was preferred: −log P = −log ${p.toFixed(3)} = ${loss.toFixed(3)} nats.`,
    b: `B was preferred: −log(1 − P) = −log ${(1 - p).toFixed(3)} = ${loss.toFixed(3)} nats.`,
    tie: `A tie is half a win for each: (−log P − log(1 − P)) / 2 = ${loss.toFixed(3)} nats.`,
  };
  return {
    prompt: { title: "prompt", short: now.prompt, long: now.prompt },
    response_a: { title: "● response A", short: now.response_a, long: now.response_a },
    response_b: { title: "■ response B", short: now.response_b, long: now.response_b },
    label: { title: "label", short: label, long: `A judge, a person or a model, read both responses: ${label}. The label is used in the loss, and nowhere before it.` },
    score_a: score("A", a),
    score_b: score("B", b),
    difference: {
      title: "difference", short: number(signed(a - b)),
      long: long(`score of A − score of B = ${signed(a, 3)} − (${signed(b, 3)}) = ${signed(a - b, 3)} nats${hot}. A constant added to both scores changes nothing.`),
    },
    p: {
      title: "P(A is preferred)", short: number(p.toFixed(3)),
      long: long(`σ(difference) = 1 / (1 + exp(−(${signed(d, 3)}))) = ${p.toFixed(3)}: how often the model expects A to be preferred.`),
    },
    loss: { title: "loss", short: number(`${loss.toFixed(3)} nats`), long: long(`${terms[now.winner]} A coin's is 0.693. Training makes it small.`) },
  };
}
