// Does "80% sure" come true in 80%? The bins that rmlab.evaluation made; nothing is computed here.
import { axis, line, picture, scale } from "./chart.js";
import { svg, update } from "./dom.js";

const percent = (value) => `${Math.round(100 * value)}%`;

/** The picture of `draw({ bins, sure, shown })`; `sure` is the probability of a pair that is pointed at, or null. */
export function calibration({ label, height }) {
  const across = axis("bottom", { label: "how sure the model is", count: 5, format: percent });
  const up = axis("left", { label: "how often it is right", count: 5, format: percent });
  const diagonal = svg("path", { class: "rx-guide" });
  const curve = svg("path", { class: "rx-line rx-thin" });
  const spans = svg("path", { class: "rx-span" });
  const points = svg("path", { class: "rx-dots rx-ink rx-round rx-large" });
  const marker = svg("path", { class: "rx-marker" });
  const none = svg("text", { class: "rx-quiet-text", "text-anchor": "middle" });
  return picture({ height, label, class: "rx-calibration" },
    [across.node, up.node, diagonal, spans, curve, points, marker, none],
    ({ width, height: tall, em }, { bins, sure, shown }) => {
      const x = scale([0.5, 1], [3.6 * em, width - em]);
      const y = scale([0, 1], [tall - 3.4 * em, 2.2 * em]);
      across.update(x, y(0), em);
      up.update(y, x(0.5), em);
      update(diagonal, { d: line([[x(0.5), y(0.5)], [x(1), y(1)]]) });
      const at = shown ? bins.map((bin) => [x(bin.mean_probability), y(bin.observed_share)]) : [];
      update(curve, { d: line(at) });
      update(points, { d: at.map(([left, top]) => `M${left} ${top}h0`).join("") });
      update(spans, { d: shown ? bins.map((bin, i) => line(bin.interval.map((end) => [at[i][0], y(end)]))).join("") : "" });
      update(marker, sure === null || !shown ? { visibility: "hidden" }
        : { d: `M${x(sure)} ${y(0)}l${-0.45 * em} ${0.8 * em}h${0.9 * em}Z`, visibility: null });
      update(none, { x: (x(0.5) + x(1)) / 2, y: y(0.25), text: shown && !bins.length ? "every pair is a tie" : "" });
    });
}
