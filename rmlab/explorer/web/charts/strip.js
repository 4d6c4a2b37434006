// Score differences of many pairs on one line, a mark for each, so that a single pair can be followed.
import { callOut } from "./call_out.js";
import { axis, line, picture, scale } from "./chart.js";
import { svg, update } from "../core/dom.js";
import { marksByKeys } from "./marks.js";

const REACH = 18; // pixels within which a mark is picked
const SPREAD = 0.618034; // golden ratio: heights of neighbours are far apart, and a pair keeps its height

/**
 * The picture of `draw({ values, reach, followed, called, words, shown })`; `called`, a mark or null, is circled and named;
 * `pick(i)` is called for a mark that is picked.
 */
export function strip({ label, height, pick, open, calling = "" }) {
  const call = callOut(calling);
  const across = axis("bottom", { label: "chosen − rejected (nats)" });
  const zero = svg("path", { class: "rx-zero" });
  const [agree, disagree, tied] = [["rx-a", "round"], ["rx-b", "square"], ["rx-ink", "round"]].map(([side, shape]) =>
    svg("path", { class: `rx-dots ${side} rx-${shape}` }));
  const ring = svg("circle", { class: "rx-ring" });
  const name = svg("text", { class: "rx-strong", text: "followed" });
  let placed = [];
  const made = picture({ height, label, class: "rx-strip rx-over" }, [across.node, zero, agree, disagree, tied, call.node, ring, name],
    ({ width, height: tall, em }, { values, reach, followed, called, words, shown }) => {
      const x = scale([-reach, reach], [3.6 * em, width - em]);
      const floor = tall - 3.4 * em;
      across.update(x, floor, em);
      update(zero, { d: line([[x(0), floor], [x(0), 0]]) });
      placed = shown ? Array.from(values, (value, i) => [x(value), floor - (0.06 + 0.86 * ((i * SPREAD) % 1)) * floor]) : [];
      const marks = ["", "", ""];
      placed.forEach(([left, top], i) => {
        marks[values[i] > 0 ? 0 : values[i] < 0 ? 1 : 2] += `M${left.toFixed(1)} ${top.toFixed(1)}h0`;
      });
      [agree, disagree, tied].forEach((path, i) => update(path, { d: marks[i] }));
      const at = placed[followed];
      if (at) update(ring, { cx: at[0], cy: at[1], r: 0.6 * em });
      const other = called === followed ? null : placed[called] ?? null;
      const otherRight = call.draw(other, x, em);
      // If the two names would overlap, they go to different sides.
      const meet = at && other && Math.abs(at[0] - other[0]) < 14 * em && Math.abs(at[1] - other[1]) < 1.4 * em;
      const left = meet ? otherRight : at && at[0] > width - 7 * em;
      update(name, at
        ? { x: at[0] + (left ? -0.9 : 0.9) * em, y: at[1] + 0.35 * em, "text-anchor": left ? "end" : "start", visibility: null }
        : { visibility: "hidden" });
      keys.draw({ any: placed.length > 0, current: at ? followed : null, words });
    });
  const order = () => [...placed.keys()].sort((p, q) => placed[p][0] - placed[q][0] || p - q);
  const keys = marksByKeys(made.node, ring, { across: order, pick, open });
  made.node.addEventListener("click", (event) => {
    const box = made.node.getBoundingClientRect();
    let [best, distance] = [null, REACH ** 2];
    placed.forEach(([left, top], i) => {
      const d = (left - event.clientX + box.left) ** 2 + (top - event.clientY + box.top) ** 2;
      if (d < distance) [best, distance] = [i, d];
    });
    if (best !== null) pick(best);
  });
  return made;
}
