// Many points in one picture, drawn as one path for each kind; a click picks the point nearest to the pointer.
import { axis, line, picture, scale } from "./chart.js";
import { callOut } from "./call_out.js";
import { svg, update } from "../core/dom.js";
import { marksByKeys } from "./marks.js";

const ROOM = 0.04; // of the extent, beyond the outermost marks
const REACH = 16; // pixels from a point within which it is picked
const SHAPES = {
  cross: (x, y, em) => `M${x - 0.2 * em} ${y - 0.2 * em}l${0.4 * em} ${0.4 * em}m${-0.4 * em} 0l${0.4 * em} ${-0.4 * em}`,
  plus: (x, y, em) => `M${x - 0.27 * em} ${y}h${0.54 * em}M${x} ${y - 0.27 * em}v${0.54 * em}`, // the others are dots of no length with a cap: round or square
};

/**
 * kinds: [{ class, shape }]. `draw({ rows, x, y, kind, selected, words, shown })`: x, y, kind and words are functions of a
 * row; `decorate` draws more, on the scales; `called`, a row or null, is circled and named. `room` is the share of the height that stays free of marks at the top and the bottom.
 */
export function scatter({ label, height, across, up, kinds, pick, open, calling = "", extra = [], decorate = () => {}, room = ROOM }) {
  const call = callOut(calling);
  const zero = svg("path", { class: "rx-zero" });
  const below = axis("bottom", { label: across });
  const beside = axis("left", { label: up, count: 6 });
  const paths = kinds.map((kind) => svg("path", { class: `rx-dots ${kind.class} rx-${kind.shape}` }));
  const ring = svg("circle", { class: "rx-ring" });
  const near = svg("circle", { class: "rx-near", visibility: "hidden" });
  let placed = []; // [left, top, row]
  const sorted = (order) => [...placed].sort((p, q) => order(p, q) || p[2] - q[2]).map((point) => point[2]);
  const fromLeft = (p, q) => p[0] - q[0];
  const fromBelow = (p, q) => q[1] - p[1]; // pixels count from the top

  const made = picture({ height, label, class: "rx-scatter" },
    [zero, below.node, beside.node, ...paths, ...extra, call.node, near, ring],
    (size, now) => {
      const { width, height: tall, em } = size;
      const x = scale(domain(now.rows.map(now.x), ROOM), [3.6 * em, width - em]);
      const y = scale(domain(now.rows.map(now.y), room), [tall - 3.4 * em, 2.2 * em]);
      below.update(x, y.range[0], em);
      beside.update(y, x.range[0], em);
      update(zero, { d: line([[x(0), y.range[0]], [x(0), y.range[1]]]) + line([[x.range[0], y(0)], [x.range[1], y(0)]]) });
      placed = now.shown ? now.rows.map((row) => [x(now.x(row)), y(now.y(row)), row]) : [];
      const drawn = kinds.map(() => []);
      for (const [left, top, row] of placed) {
        const at = now.kind(row);
        drawn[at].push((SHAPES[kinds[at].shape] ?? dot)(Math.round(left * 10) / 10, Math.round(top * 10) / 10, em));
      }
      paths.forEach((path, i) => update(path, { d: drawn[i].join("") }));
      const found = placed.find((point) => point[2] === now.selected);
      if (found) update(ring, { cx: found[0], cy: found[1], r: 0.6 * em });
      update(near, { visibility: "hidden", r: 0.53 * em });
      keys.draw({ any: placed.length > 0, current: found ? now.selected : null, words: found ? now.words(now.selected) : "" });
      call.draw(placed.find((point) => point[2] === now.called) ?? null, x, em);
      decorate({ x, y, em, width, height: tall }, now);
    });
  const keys = marksByKeys(made.node, ring, {
    across: () => sorted((p, q) => fromLeft(p, q) || fromBelow(p, q)), up: () => sorted((p, q) => fromBelow(p, q) || fromLeft(p, q)), pick, open,
  });

  function nearest(event) {
    const box = made.node.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    let distance = REACH ** 2;
    for (const point of placed) {
      const d = (point[0] - left) ** 2 + (point[1] - top) ** 2;
      if (d < distance) [best, distance] = [point, d];
    }
    return best;
  }
  made.node.addEventListener("pointermove", (event) => {
    const found = nearest(event);
    update(near, found ? { cx: found[0], cy: found[1], visibility: null } : { visibility: "hidden" });
    made.node.classList.toggle("rx-over", found !== null);
  });
  made.node.addEventListener("pointerleave", () => update(near, { visibility: "hidden" }));
  made.node.addEventListener("click", (event) => {
    const found = nearest(event);
    if (found) pick(found[2]);
  });
  return made;
}

const dot = (x, y) => `M${x} ${y}h0`;

/** A domain that holds zero and all values, with room on both sides. */
function domain(values, share) {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  const room = (high - low || 1 / ROOM) * share;
  return [low - room, high + room];
}
