// The sigmoid with the point at the score difference, to be dragged; while a class predicts, a hollow point to drag instead.
import { ANCHORS, axis, graph, inside, line, picture, scale, shownIf, signed } from "./chart.js";
import { follow, onGrid, pressed, STEP } from "./drag_and_keys.js";
import { svg, update } from "../core/dom.js";
import { byHand } from "./number_line.js";
import { guessing, predictable, SUREST } from "../core/predictions.js";
import { preferenceProbability } from "../core/preference.js";

const ENDS = [SUREST, 1 - SUREST];

/** The picture; `draw(now)` as the curve's other pictures. */
export function sigmoid(store) {
  const path = svg("path", { class: "rx-line" });
  const guide = svg("path", { class: "rx-guide" });
  const half = svg("path", { class: "rx-grid" });
  const gap = svg("path", { class: "rx-gap" });
  const label = svg("text", { class: "rx-strong" });
  const said = svg("text", { class: "rx-strong rx-said-text" });
  const across = axis("bottom", { label: "score difference, A − B (nats)" });
  const up = axis("left", { label: "P(A is preferred)", count: 4, format: (v) => v.toFixed(2) });
  let x = null;
  let y = null;
  let now = null;

  const point = handle("Score difference, A minus B", "horizontal", (event) => pressed(event, now.d, STEP, x.domain, part), (event) => {
    const from = x.invert(event.clientX) - now.d;
    follow(event, point.node, (e) => part(onGrid(x.invert(e.clientX) - from, STEP, x.domain)));
  });
  const ghost = handle("Your prediction of P(A is preferred)", "vertical", (event) => {
    if (event.key === "Enter" || event.key === " ") predict(now.guess ?? 0.5); // a prediction may stay where it is
    else pressed(event, now.guess ?? 0.5, SUREST, ENDS, predict);
  }, (event) => {
    const from = y.invert(event.clientY) - (now.guess ?? 0.5);
    predict(now.guess ?? 0.5);
    follow(event, ghost.node, (e) => predict(y.invert(e.clientY) - from));
  });
  update(ghost.node, { class: "rx-dot rx-ghost", "aria-valuemin": ENDS[0], "aria-valuemax": ENDS[1] });

  const predict = (p) => store.set(guessing(store, "p", predictable(p)));

  /** Move both scores apart, or together, until their difference is `d`: their middle stays where it is. */
  function part(d) {
    const middle = (now.a + now.b) / 2;
    store.set(byHand(middle + d / 2, middle - d / 2));
  }

  return picture({ height: 20, class: "rx-sigmoid", role: "group", label: "Probability that A is preferred, against the score difference" },
    [half, across.node, up.node, path, guide, gap, label, said, point.node, ghost.node],
    ({ width, height, em }, next) => {
      now = next;
      x = scale([-now.reach, now.reach], [3.6 * em, width - 1.2 * em]);
      y = scale([0, 1], [height - 3.4 * em, 2.2 * em]);
      const p = preferenceProbability(now.d / now.temperature);
      const at = x(now.d);
      across.update(x, y(0), em);
      up.update(y, x(-now.reach), em);
      update(half, { d: line([[x(-now.reach), y(0.5)], [x(now.reach), y(0.5)]]) + line([[x(0), y(0)], [x(0), y(1)]]) });
      update(path, { d: graph((d) => preferenceProbability(d / now.temperature), x, y), visibility: shownIf(!now.asks) });
      update(guide, {
        d: line(now.asks ? [[at, y(0)], [at, y(1)]] : [[at, y(0)], [at, y(p)], [x(-now.reach), y(p)]]),
        visibility: shownIf(now.revealed || now.asks),
      });
      update(point.dot, { cx: at, cy: y(p) });
      update(point.halo, { cx: at, cy: y(p) });
      update(point.node, { visibility: shownIf(now.revealed), "aria-valuemin": x.domain[0], "aria-valuemax": x.domain[1], "aria-valuenow": now.d, "aria-valuetext": `${signed(now.d)} nats` });
      const [aside, lift] = p < 0.5 ? [-1, -0.7] : [1, 1.4]; // away from the rising curve: up on the left, down on the right
      update(label, {
        x: inside(at + aside * em, aside, x, em), y: y(p) + lift * em, "text-anchor": ANCHORS[aside],
        text: `P = ${probability(p, preferenceProbability(-now.d / now.temperature))}`, visibility: shownIf(now.revealed),
      });
      drawPrediction({ at, p, aside, em });
    });

  function drawPrediction({ at, p, aside, em }) {
    const guess = now.asks ? now.guess ?? 0.5 : now.said;
    const shown = guess !== null;
    const high = y(guess ?? 0.5);
    update(ghost.dot, { cx: at, cy: high });
    update(ghost.halo, { cx: at, cy: high });
    update(ghost.node, {
      visibility: shownIf(shown), tabindex: now.asks ? 0 : null, role: now.asks ? "slider" : null, "aria-hidden": now.asks ? null : "true",
      "aria-valuenow": guess ?? 0.5,
      "aria-valuetext": now.asks && now.guess === null ? "no prediction yet" : (guess ?? 0.5).toFixed(2),
    });
    update(gap, { d: line([[at, high], [at, y(p)]]), visibility: shownIf(shown && !now.asks) });
    const words = !now.asks ? `you said ${(guess ?? 0.5).toFixed(2)}` : now.guess === null ? "drag me" : `P = ${guess.toFixed(2)}?`;
    update(said, {
      x: inside(at - 1.4 * aside * em, -aside, x, em), y: high + 0.35 * em, "text-anchor": ANCHORS[-aside], text: words, visibility: shownIf(shown),
    });
  }
}

/** A point that is a slider. */
function handle(label, orientation, onKeydown, onPointerdown) {
  const halo = svg("circle", { class: "rx-halo", r: "1.1em" });
  const dot = svg("circle", { class: "rx-point", r: "0.47em" });
  const node = svg("g", {
    class: "rx-dot", role: "slider", tabindex: 0, "aria-label": label, "aria-orientation": orientation, onKeydown, onPointerdown,
  }, halo, dot);
  return { node, halo, dot };
}

/** A probability with three digits, or near 0 and 1 in a form that differs from them. */
export function probability(p, other = 1 - p) {
  if (p > 0.9995) return `1 − ${other.toExponential(1)}`.replace("e-", "e−");
  return p < 0.0005 ? p.toExponential(1).replace("e-", "e−") : p.toFixed(3);
}
