// Lines over the steps of a run, with a cursor at the current step.
import { axis, line, picture, scale } from "./chart.js";
import { svg, update } from "../core/dom.js";

/**
 * lines: [{ class, x, y, points }], numbers over steps; `level` is a dashed height to hold them against.
 * `draw({ lines, step, shown })`.
 */
export function trace({ label, height, up, level }) {
  const across = axis("bottom", { label: "training step", count: 6 });
  const beside = axis("left", { label: up, count: 4 });
  const dashed = svg("path", { class: "rx-guide" });
  const cursor = svg("path", { class: "rx-cursor" });
  const drawn = svg("g");
  return picture({ height, label, class: "rx-trace" }, [across.node, beside.node, dashed, drawn, cursor],
    ({ width, height: tall, em }, { lines, step, shown }) => {
      const steps = lines.flatMap((each) => each.x);
      const values = [level, ...lines.flatMap((each) => each.y)];
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const room = (high - low || 1) * 0.1;
      const x = scale([Math.min(...steps), Math.max(...steps, 1)], [3.6 * em, width - em]);
      const y = scale([low - room, high + room], [tall - 3.4 * em, 2.2 * em]);
      across.update(x, y.range[0], em);
      beside.update(y, x.range[0], em);
      update(dashed, { d: line([[x.range[0], y(level)], [x.range[1], y(level)]]) });
      update(cursor, { d: line([[x(step), y.range[0]], [x(step), y.range[1]]]) });
      while (drawn.childElementCount < 2 * lines.length) drawn.append(svg("path"));
      lines.forEach((each, i) => {
        const at = shown ? each.x.map((value, j) => [x(value), y(each.y[j])]) : [];
        update(drawn.children[2 * i], { class: `rx-line ${each.class}`, d: line(at) });
        update(drawn.children[2 * i + 1], {
          class: `rx-dots rx-round ${each.class}`,
          d: each.points ? at.map(([left, top]) => `M${left.toFixed(1)} ${top.toFixed(1)}h0`).join("") : "",
        });
      });
    });
}
