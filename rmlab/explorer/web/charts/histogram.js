// The distribution of score differences: to the right of zero the model agrees with the label, to the left (hatched) it
// does not. Pairs that were judged a tie are grey, on top: the model neither agrees nor disagrees with these.
import { axis, line, picture, scale, signed, triangle } from "./chart.js";
import { svg, unique, update } from "../core/dom.js";
import { marksByKeys } from "./marks.js";

const SIDE = 20; // bins on either side of zero, which is an edge: no bar holds both signs

/** The bin of a value within [-reach, reach], from 0; one side of zero ends where the other begins. */
const binOf = (value, reach) => Math.min(2 * SIDE - 1, Math.max(0, SIDE + Math.floor((value / reach) * SIDE)));

/** How many values are in each bin, and how many are exactly zero and in none. */
export function counted(values, reach) {
  const bins = new Uint32Array(2 * SIDE);
  let zeros = 0;
  for (const value of values) {
    if (value === 0) zeros += 1;
    else bins[binOf(value, reach)] += 1;
  }
  return { bins, zeros };
}

/** The pairs of the highest bar. */
export const highest = ({ bins, zeros }) => Math.max(1, zeros, ...bins);

/** The reach of a picture that holds all values: the largest from zero, and a little more. */
export function reachOf(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most * 1.02 || 1;
}

/**
 * Bars of `draw({ values, tied, reach, selected, shown, most })`; `tied` are the values of further pairs, which were judged
 * a tie, by default none; `most` is the height of the axis in pairs, by default that of the highest bar; higher bars are
 * cut, and their number is printed. With `pick(value)` a bar can be picked, by the value in its middle or under the
 * pointer.
 */
export function histogram({ label, height, pick = null, open }) {
  const hatch = unique("hatch");
  const across = axis("bottom", { label: "chosen − rejected (nats)" });
  const up = axis("left", { label: "pairs", count: 4, whole: true });
  const [agree, disagree, tied] = ["rx-bars rx-a", "rx-bars rx-b", "rx-bars rx-tied"].map((name) => svg("path", { class: name }));
  disagree.style.fill = `url(#${hatch})`;
  const pattern = svg("pattern", { id: hatch, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 7, height: 7, class: "rx-hatch-ground" }), svg("rect", { width: 3.5, height: 7, class: "rx-hatch" }));
  const zero = svg("path", { class: "rx-zero" });
  const left = svg("text", { class: "rx-side-b", "text-anchor": "end" });
  const right = svg("text", { class: "rx-side-a" });
  const cut = svg("text", { class: "rx-strong" });
  const marker = svg("path", { class: "rx-marker" });
  const outline = svg("path", { class: "rx-outline" }); // of the bar that the selected value is in
  let x = null;
  let bars = []; // [value in the middle, count, from, to, how many of them judged a tie] of those that hold something, from the left
  const made = picture({ height, label, class: pick ? "rx-histogram rx-over" : "rx-histogram" },
    [svg("defs", {}, pattern), across.node, up.node, agree, disagree, tied, zero, left, right, cut, outline, marker],
    ({ width, height: tall, em }, now) => {
      x = scale([-now.reach, now.reach], [3.6 * em, width - em]);
      const ties = counted(now.tied ?? [], now.reach);
      const { bins, zeros } = counted([...now.values, ...now.tied ?? []], now.reach);
      const most = now.most ?? highest({ bins, zeros });
      const y = scale([0, most * 1.05], [tall - 3.4 * em, 3.2 * em]);
      const high = (n) => y(Math.min(n, most * 1.05));
      const drawn = ([, , from, to], low, top) => (top > low ? `M${x(from)} ${high(low)}V${high(top)}H${x(to)}V${high(low)}Z` : "");
      const edge = (i) => ((i - SIDE) / SIDE) * now.reach;
      const thin = now.reach / SIDE / 4;
      bars = [...bins].map((n, i) => [edge(i + 0.5), n, edge(i), edge(i + 1), ties.bins[i]]);
      bars.splice(SIDE, 0, [0, zeros, -thin, thin, ties.zeros]);
      bars = now.shown ? bars.filter(([, n]) => n) : [];
      const picked = (keep) => bars.filter(([middle]) => keep(middle)).map((bar) => drawn(bar, 0, bar[1] - bar[4])).join("");
      across.update(x, y(0), em);
      up.update(y, x.range[0], em);
      update(agree, { d: picked((middle) => middle > 0) });
      update(disagree, { d: picked((middle) => middle < 0) });
      update(tied, { d: picked((middle) => middle === 0) + bars.map((bar) => drawn(bar, bar[1] - bar[4], bar[1])).join("") });
      update(zero, { d: line([[x(0), y(0)], [x(0), 2.6 * em]]) });
      const tallest = Math.max(0, ...bars.map(([, n]) => n));
      update(cut, { x: x(edge(SIDE + 1)) + 0.6 * em, y: y(most * 1.05) + em, text: tallest > most ? `▴ up to ${tallest.toLocaleString("en")} pairs` : "" });
      const wide = width > 30 * em;
      update(left, { x: x(0) - 0.6 * em, y: 1.9 * em, text: wide ? "◂ the model disagrees" : "◂ disagrees" });
      update(right, { x: x(0) + 0.6 * em, y: 1.9 * em, text: wide ? "the model agrees ▸" : "agrees ▸" });
      const at = now.selected === null || !now.shown ? null : x(now.selected);
      update(marker, at === null ? { visibility: "hidden" }
        : { d: triangle(at, y(0), em), visibility: null });
      if (!pick) return;
      const middle = now.selected === 0 ? 0 : edge(binOf(now.selected, now.reach) + 0.5);
      const here = now.selected === null ? undefined : bars.find((bar) => bar[0] === middle);
      if (here) update(outline, { d: drawn(here, 0, here[1]) });
      keys.draw({ any: bars.length > 0, current: here ? middle : null, words: here ? inWords(here) : "" });
    });
  const keys = pick && marksByKeys(made.node, outline, { across: () => bars.map(([middle]) => middle), pick, open });
  if (pick) {
    made.node.addEventListener("click", (event) => pick(x.invert(event.clientX - made.node.getBoundingClientRect().left)));
  }
  return made;
}

function inWords([middle, n, from, to, ties]) {
  const pairs = n === 1 ? "1 pair" : `${n.toLocaleString("en")} pairs`;
  const place = middle === 0 ? "at exactly 0" : `from ${signed(from)} to ${signed(to)} nats`;
  const judged = !ties ? "" : n === 1 ? ", judged a tie" : `, ${ties.toLocaleString("en")} of them judged a tie`;
  return `${pairs} ${place}${judged}`;
}
