// A mark that is circled and named: the one that a picture is looked at for.
import { svg, update } from "../core/dom.js";

/** `draw([left, top] or null, x, em)`; the name stands on the side that has more room on the scale x: whether on the right is given back. */
export function callOut(text) {
  const circle = svg("circle", { class: "rx-call" });
  const name = svg("text", { class: "rx-strong", text });
  const node = svg("g", { visibility: "hidden", "aria-hidden": "true" }, circle, name);
  return {
    node,
    draw(at, x, em) {
      update(node, { visibility: at ? null : "hidden" });
      if (!at) return false;
      const [start, end] = x.range;
      const right = at[0] < (start + end) / 2;
      update(circle, { cx: at[0], cy: at[1], r: 0.85 * em });
      update(name, { x: at[0] + (right ? 1.2 : -1.2) * em, y: at[1] + 0.35 * em, "text-anchor": right ? "start" : "end" });
      return right;
    },
  };
}
