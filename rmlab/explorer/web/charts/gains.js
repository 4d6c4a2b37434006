// What the proxy and the true reward have gained, against the distance from the starting policy. Each curve has its name at
// its end, where no line is; the numbers are in the legend.
import { axis, line, picture, scale, shownIf, triangle } from "./chart.js";
import { svg, update } from "../core/dom.js";

const NAMES = ["proxy", "true"];
const SAID = { proxy: "proxy", true: "true reward" };
const APART = 1.3; // em between two names

/** `draw({ curve: { d, proxy, true }, at, peak, reach: [low, high], far, words, shown })`; `far` is the largest distance. */
export function gains({ height }) {
  const across = axis("bottom", { label: "distance d = √KL", count: 6 });
  const beside = axis("left", { label: "gained since the start (nats)", count: 6 });
  const start = svg("path", { class: "rx-guide" });
  const whole = NAMES.map((name) => svg("path", { class: `rx-gain rx-gain-${name} rx-ahead` }));
  const passed = NAMES.map((name) => svg("path", { class: `rx-gain rx-gain-${name}` }));
  const cursor = svg("path", { class: "rx-cursor" });
  const top = svg("path", { class: "rx-peak" });
  const named = svg("text", { class: "rx-quiet-text", "text-anchor": "middle" });
  const marks = [svg("circle", { class: "rx-point rx-proxy-point", r: "0.45em" }), svg("rect", { class: "rx-point rx-true-point", width: "0.8em", height: "0.8em" })];
  const ends = NAMES.map((name) => svg("text", { class: `rx-gain-name rx-${name}`, dy: "0.35em", text: SAID[name] }));
  const made = picture({ height, label: "", class: "rx-gains" },
    [across.node, beside.node, start, ...whole, cursor, ...passed, top, named, ...marks, ...ends],
    ({ width, height: tall, em }, { curve, at, peak, reach, far, words, shown }) => {
      const x = scale([0, far], [3.2 * em, width - 6.3 * em]);
      const y = scale(reach, [tall - 3.4 * em, 2.4 * em]);
      across.update(x, y.range[0], em);
      beside.update(y, x.range[0], em);
      update(made.node, { "aria-label": words });
      update(start, { d: line([[x.range[0], y(0)], [x.range[1], y(0)]]) });
      update(cursor, { d: line([[x(curve.d[at]), y.range[0]], [x(curve.d[at]), y.range[1]]]) });
      NAMES.forEach((name, i) => {
        const points = curve.d.map((d, j) => [x(d), y(curve[name][j])]);
        const [left, up] = points[at];
        const now = shown || at === 0;
        update(whole[i], { d: shown ? line(points.slice(at)) : "" });
        update(passed[i], { d: now ? line(points.slice(0, at + 1)) : "" });
        const half = 0.4 * em;
        update(marks[i], i ? { x: left - half, y: up - half } : { cx: left, cy: up });
        update(marks[i], { visibility: shownIf(now) });
      });
      const last = NAMES.map((name) => y(curve[name].at(-1)));
      const [upper, lower] = last[0] <= last[1] ? [0, 1] : [1, 0];
      const closer = Math.max(0, APART * em - (last[lower] - last[upper])) / 2;
      ends.forEach((end, i) => update(end, {
        x: x(curve.d.at(-1)) + 0.8 * em, y: last[i] + (i === lower ? closer : -closer), visibility: shownIf(shown),
      }));
      const seen = shown && at > peak; // the reader has gone past it
      update(top, { d: triangle(x(curve.d[peak]), y(curve.true[peak]) + 0.5 * em, em), visibility: shownIf(seen) });
      update(named, { x: x(curve.d[peak]), y: y(curve.true[peak]) + 2.2 * em, visibility: shownIf(seen), text: "peak" });
    });
  return made;
}
