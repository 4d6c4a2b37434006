// Scales, axes and lines of the SVG pictures.
import { element, svg, update } from "../core/dom.js";

/** A linear scale from a domain to pixels, with `invert` for the way back. */
export function scale([low, high], [start, end]) {
  const map = (value) => start + ((value - low) / (high - low)) * (end - start);
  map.invert = (pixel) => low + ((pixel - start) / (end - start)) * (high - low);
  map.domain = [low, high];
  map.range = [start, end];
  return map;
}

/** Round numbers within a domain, about `count` of them. */
export function ticks([low, high], count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** `d` of a path through points. */
export function line(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
}

/** `d` of the graph of a function over the domain of x. */
export function graph(of, x, y, steps = 160) {
  const [low, high] = x.domain;
  const at = (i) => low + ((high - low) * i) / steps;
  return line(Array.from({ length: steps + 1 }, (_, i) => [x(at(i)), y(of(at(i)))]));
}

/** A number with its sign, and a minus as wide as the plus. */
export function signed(value, digits = 2) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : (value > 0 ? "+" : "") + text.replace("-", "−");
}

/** As many decimals as a step has. */
export function decimals(step) {
  return (String(step).split(".")[1] ?? "").length;
}

/** `d` of the triangle that points from below at a place on an axis. */
export const triangle = (x, y, em) => `M${x} ${y}l${-0.42 * em} ${0.75 * em}h${0.84 * em}Z`;

/** What the marks of a picture mean: `legend([class, words], ...)`. */
export function legend(...entries) {
  return element("p", { class: "rx-legend" }, ...entries.map(([name, text]) => element("span", { class: name, text })));
}

/** An axis at the bottom or the left of a picture: `update(scale, at, em)` draws it where something changed. */
export function axis(side, { label, count = 8, format = String, whole = false }) {
  const marks = svg("g");
  const name = svg("text", { class: "rx-axis-label", text: label, "text-anchor": side === "bottom" ? "middle" : "start" });
  const node = svg("g", { class: "rx-axis", "aria-hidden": "true" }, marks, name);
  let drawn = "";
  return {
    node,
    name: (text) => update(name, { text }),
    update(along, at, em) {
      const key = [...along.domain, ...along.range, at, em].join();
      if (key === drawn) return;
      drawn = key;
      const [start, end] = along.range;
      const room = Math.abs(end - start) / ((side === "bottom" ? 3.5 : 1.8) * em); // how many labels fit beside each other
      marks.replaceChildren(
        svg("path", { d: side === "bottom" ? line([[start, at], [end, at]]) : line([[at, start], [at, end]]) }),
        ...ticks(along.domain, Math.min(count, room)).filter((value) => !whole || Number.isInteger(value)).map((value) => {
          const position = along(value);
          const text = format(Number(value.toPrecision(12))).replace("-", "−");
          return side === "bottom"
            ? svg("g", { transform: `translate(${position},${at})` },
                svg("path", { d: "M0 0V5" }), svg("text", { y: 1.65 * em, "text-anchor": "middle", text }))
            : svg("g", { transform: `translate(${at},${position})` },
                svg("path", { d: "M0 0H-5" }), svg("text", { x: -0.6 * em, dy: "0.35em", "text-anchor": "end", text }));
        }),
      );
      if (side === "bottom") update(name, { x: (start + end) / 2, y: at + 2.95 * em });
      else update(name, { x: at - 2.6 * em, y: Math.min(start, end) - 0.9 * em });
    },
  };
}

/**
 * An SVG as wide as its parent and `height` em tall. `paint({ width, height, em }, now)` runs for every `draw(now)`, and
 * again with the last `now` when the size changes; sizes are in pixels, so that text is as large in a narrow picture.
 */
export function picture({ height, label, role = "img", ...properties }, children, paint) {
  const node = svg("svg", { role, "aria-label": label, ...properties }, ...children);
  node.style.height = `${height}em`;
  let size = null;
  let last = null;
  const watch = new ResizeObserver(() => {
    const { width, height: tall } = node.getBoundingClientRect();
    if (!width) return; // not shown
    size = { width, height: tall, em: parseFloat(getComputedStyle(node).fontSize) };
    if (last) paint(size, last);
  });
  watch.observe(node);
  return {
    node,
    draw(now) {
      last = now;
      if (size) paint(size, now);
    },
    close: () => watch.disconnect(),
  };
}

/** Where a label beside a point is anchored, by the side that it stands on. */
export const ANCHORS = { "-1": "end", 0: "middle", 1: "start" };

/** Where a label of about ten characters may stand so that it stays over the picture. */
export function inside(at, aside, x, em) {
  const [start, end] = x.range;
  const [left, right] = { "-1": [6, 0], 0: [3, 3], 1: [0, 6] }[aside];
  return Math.min(end - right * em, Math.max(start + left * em, at));
}

/** `visibility` of what is drawn on a condition. */
export const shownIf = (condition) => (condition ? null : "hidden");
