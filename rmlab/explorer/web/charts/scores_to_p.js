// Two scores slide onto one axis; their difference drops onto the sigmoid; a needle lands at P, beside the reader's choice.
import { axis, graph, inside, line, picture, scale, signed } from "./chart.js";
import { svg, update } from "../core/dom.js";
import { eased } from "../core/motion.js";
import { preferenceProbability } from "../core/preference.js";

/** Each part, as shares of the whole time in which it moves. */
export const PARTS = { pins: [0, 0.3], gap: [0.34, 0.5], drop: [0.54, 0.74], rise: [0.76, 0.86], needle: [0.88, 1] };

const CLEAR = 3.6; // em below the line of scores, past its pins, ticks and name

/** How far a part has come, from 0 to 1, at a share of the whole. */
export const part = (name, share) => {
  const [from, to] = PARTS[name];
  return eased(Math.min(1, Math.max(0, (share - from) / (to - from))));
};

/** Half the width of the picture in nats: it holds both scores and their difference. */
export const reachOf = (a, b) => Math.max(4, Math.ceil(1.15 * Math.max(Math.abs(a), Math.abs(b), Math.abs(a - b))));

/**
 * The picture of `draw({ a, b, vote, share })`: the scores, what the reader chose ("a", "b" or null), and how much of the
 * whole is drawn; before a vote there are only the axes and the curve.
 */
export function scoresToP() {
  const line1 = axis("bottom", { label: "score" });
  const line2 = axis("bottom", { label: "score of A − score of B" });
  const zero = svg("path", { class: "rx-grid" });
  const curve = svg("path", { class: "rx-line" });
  const gauge = svg("path", { class: "rx-zero" });
  const ends = ["a", "b"].map((side) => svg("text", { class: `rx-side-${side}`, dy: "0.35em" }));
  const pins = ["a", "b"].map(pin);
  const bracket = svg("path", { class: "rx-bracket rx-apart" });
  const gap = svg("text", { class: "rx-strong", "text-anchor": "middle" });
  const guide = svg("path", { class: "rx-guide" });
  const point = svg("circle", { class: "rx-point", r: "0.47em" });
  const needle = svg("path", { class: "rx-marker" });
  const said = svg("text", { class: "rx-strong", "text-anchor": "end" });
  return picture({ height: 26.6, class: "rx-unfolds", label: "From two scores to the probability that A is preferred" },
    [zero, line1.node, line2.node, gauge, curve, guide, ...ends, ...pins.map((each) => each.node), bracket, gap, point, needle, said],
    ({ width, em }, { a, b, vote, share }) => {
      const reach = reachOf(a, b);
      const p = preferenceProbability(a - b);
      const x = scale([-reach, reach], [1.2 * em, width - 6.5 * em]);
      const y = scale([0, 1], [23 * em, 10.3 * em]);
      const top = 5 * em; // of the line of scores
      const right = x.range[1] + 1.2 * em; // position of the gauge
      line1.update(x, top, em);
      line2.update(x, y(0), em);
      update(zero, { d: line([[x(0), y(0)], [x(0), y(1)]]) + line([[x.range[0], y(0.5)], [right, y(0.5)]]) });
      update(curve, { d: graph(preferenceProbability, x, y) });
      update(gauge, { d: line([[right, y(0)], [right, y(1)]]) });
      ends.forEach((end, i) => {
        const side = "ab"[i];
        update(end, { x: right + 0.6 * em, y: y(1 - i), text: `${"AB"[i]} ${vote === side ? "◂ you" : ""}`.trim() });
      });
      const come = (name) => (vote === null ? 0 : part(name, share));
      const fallen = come("pins");
      const close = Math.abs(x(a) - x(b)) < 2.2 * em; // else one pin would hide the other
      pins.forEach(({ node, score, stem }, i) => {
        const value = i ? b : a;
        const rest = (close && i ? -3.3 : -1.4) * em;
        const from = i ? x.range[1] : x.range[0]; // the side of its answer
        const left = from + (x(value) - from) * fallen;
        update(node, { transform: `translate(${left},${(top + rest) * fallen})`, opacity: fallen || null, visibility: fallen ? null : "hidden" });
        update(stem, { d: fallen === 1 ? line([[0, 0], [0, -rest]]) : "" });
        update(score, { y: -1.3 * em, text: fallen === 1 ? signed(value) : "" });
      });
      const [grown, dropped] = [come("gap"), come("drop")];
      const end = [x(b) + (x(0) - x(b)) * dropped, x(a) + (x(a - b) - x(a)) * dropped]; // from B and from A: from 0 and from the difference
      const height = top + (y(0) - top) * dropped;
      const tip = end[0] + (end[1] - end[0]) * grown;
      update(bracket, { d: grown ? line([[end[0], height - 0.5 * em], [end[0], height], [tip, height], [tip, height - 0.5 * em]]) : "" });
      update(gap, {
        x: inside((end[0] + tip) / 2, 0, x, em), y: height - (dropped === 1 ? 0.8 : 0.9) * em, text: grown === 1 && height - top >= CLEAR * em ? `difference ${signed(a - b)}` : "",
      });
      const [risen, across] = [come("rise"), come("needle")];
      const [left, up] = [x(a - b), y(p)];
      const reached = left + (right - left) * across;
      update(guide, { d: risen ? line([[left, y(0)], [left, y(0) + (up - y(0)) * risen], ...(across ? [[reached, up]] : [])]) : "" });
      update(point, { cx: left, cy: up, visibility: risen === 1 ? null : "hidden" });
      update(needle, {
        d: `M${reached} ${up}l${-0.9 * em} ${-0.45 * em}v${0.9 * em}Z`, visibility: across ? null : "hidden",
      });
      update(said, { x: right - 1.3 * em, y: up + (p > 0.85 ? 1.5 : -0.5) * em, text: across === 1 ? `${p.toFixed(2)} for A` : "" });
    });
}

function pin(side) {
  const shape = side === "a" ? svg("circle", { r: "0.87em" }) : svg("rect", { x: "-0.8em", y: "-0.8em", width: "1.6em", height: "1.6em", rx: "0.2em" });
  const stem = svg("path", { class: "rx-stem" });
  const score = svg("text", { class: `rx-side-${side}`, "text-anchor": "middle" });
  const letter = svg("text", { class: "rx-letter", dy: "0.35em", "text-anchor": "middle", text: side.toUpperCase() });
  return { node: svg("g", { class: `rx-fixed-pin rx-${side}` }, stem, shape, letter, score), stem, score };
}
