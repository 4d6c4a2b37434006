// The distribution of score differences: right of zero the model agrees with the human, left of it (hatched) it does not.
import { axis, line, picture, scale } from "./chart.js";
import { svg, unique, update } from "./dom.js";

const SIDE = 20; // bins on either side of zero, which is an edge: no bar holds both signs

/** Counts of values within [-reach, reach] in bins with an edge at zero, and how many are exactly zero. */
function count(values, reach, side = SIDE) {
  const bins = new Uint32Array(2 * side);
  let zeros = 0;
  for (const value of values) {
    if (value === 0) zeros += 1;
    else bins[Math.min(2 * side - 1, Math.max(0, side + Math.floor((value / reach) * side)))] += 1;
  }
  return { bins, zeros };
}

/** The reach of a picture that holds all values: the largest from zero, and a little more. */
export function reachOf(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most * 1.02 || 1;
}

/** Bars of `draw({ values, reach, selected, shown })`; `pick(value)` is called where one is clicked. */
export function histogram({ label, height, pick = null }) {
  const hatch = unique("hatch");
  const across = axis("bottom", { label: "chosen − rejected (nats)" });
  const up = axis("left", { label: "pairs", count: 4 });
  const [agree, disagree, tied] = ["rx-bars rx-a", "rx-bars rx-b", "rx-bars rx-tied"].map((name) => svg("path", { class: name }));
  disagree.style.fill = `url(#${hatch})`;
  const pattern = svg("pattern", { id: hatch, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 7, height: 7, class: "rx-hatch-ground" }), svg("rect", { width: 3.5, height: 7, class: "rx-hatch" }));
  const zero = svg("path", { class: "rx-zero" });
  const left = svg("text", { class: "rx-side-b", "text-anchor": "end" });
  const right = svg("text", { class: "rx-side-a" });
  const marker = svg("path", { class: "rx-marker" });
  let x = null;
  const made = picture({ height, label, class: pick ? "rx-histogram rx-over" : "rx-histogram" },
    [svg("defs", {}, pattern), across.node, up.node, agree, disagree, tied, zero, left, right, marker],
    ({ width, height: tall, em }, now) => {
      x = scale([-now.reach, now.reach], [3.6 * em, width - em]);
      const { bins, zeros } = count(now.values, now.reach);
      const most = Math.max(1, zeros, ...bins);
      const y = scale([0, most * 1.05], [tall - 3.4 * em, 3.2 * em]);
      const bar = (from, to, n) => (n ? `M${x(from)} ${y(0)}V${y(n)}H${x(to)}V${y(0)}Z` : "");
      const edge = (i) => ((i - SIDE) / SIDE) * now.reach;
      const bars = [...bins].map((n, i) => bar(edge(i), edge(i + 1), n));
      across.update(x, y(0), em);
      up.update(y, x.range[0], em);
      update(agree, { d: now.shown ? bars.slice(SIDE).join("") : "" });
      update(disagree, { d: now.shown ? bars.slice(0, SIDE).join("") : "" });
      update(tied, { d: now.shown ? bar(-now.reach / SIDE / 4, now.reach / SIDE / 4, zeros) : "" });
      update(zero, { d: line([[x(0), y(0)], [x(0), 2.6 * em]]) });
      const wide = width > 30 * em;
      update(left, { x: x(0) - 0.6 * em, y: 1.9 * em, text: wide ? "◂ the model disagrees" : "◂ disagrees" });
      update(right, { x: x(0) + 0.6 * em, y: 1.9 * em, text: wide ? "the model agrees ▸" : "agrees ▸" });
      const at = now.selected === null || !now.shown ? null : x(now.selected);
      update(marker, at === null ? { visibility: "hidden" }
        : { d: `M${at} ${y(0)}l${-0.45 * em} ${0.8 * em}h${0.9 * em}Z`, visibility: null });
    });
  if (pick) {
    made.node.addEventListener("click", (event) => pick(x.invert(event.clientX - made.node.getBoundingClientRect().left)));
  }
  return made;
}
