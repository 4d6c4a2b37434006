// A mark that is circled and named: the one that the reader should look at.
import { svg, update } from "../core/dom.js";

/** `draw([left, top] or null, x, em)`; the name goes to the side with more room on the scale x; returns whether that is the right. */
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
