// Is the model right in 80% of the cases for which it says 80%? The bins come from elsewhere; nothing is computed here.
import { axis, line, picture, scale, triangle } from "./chart.js";
import { svg, update } from "../core/dom.js";
import { marksByKeys } from "./marks.js";

const REACH = 18; // pixels from a point within which it is picked
const percent = (value) => `${Math.round(100 * value)}%`;

/**
 * The picture of `draw({ bins, sure, shown, none })`; `none` is shown if there are no bins; `sure` is the probability of
 * the selected pair, or null. With `pick(bin)` a bin can be picked.
 */
export function calibration({ label, height, pick = null, open }) {
  const across = axis("bottom", { label: "how sure the model is", count: 5, format: percent });
  const up = axis("left", { label: "how often it is right", count: 5, format: percent });
  const diagonal = svg("path", { class: "rx-guide" });
  const curve = svg("path", { class: "rx-line rx-thin" });
  const spans = svg("path", { class: "rx-span" });
  const points = svg("path", { class: "rx-dots rx-ink rx-round rx-large" });
  const marker = svg("path", { class: "rx-marker" });
  const ring = svg("circle", { class: "rx-ring" });
  const none = svg("text", { class: "rx-quiet-text", "text-anchor": "middle" });
  let placed = []; // [left, top, bin]
  const made = picture({ height, label, class: pick ? "rx-calibration rx-over" : "rx-calibration" },
    [across.node, up.node, diagonal, spans, curve, points, marker, none, pick ? ring : null].filter(Boolean),
    ({ width, height: tall, em }, { bins, sure, shown, none: words = "every pair is a tie" }) => {
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
        : { d: triangle(x(sure), y(0), em), visibility: null });
      update(none, { x: (x(0.5) + x(1)) / 2, y: y(0.25), text: shown && !bins.length ? words : "" });
      if (!pick) return;
      placed = at.map(([left, top], i) => [left, top, bins[i]]);
      const here = placed.find((point) => point[2] === binOf(bins, sure));
      if (here) update(ring, { cx: here[0], cy: here[1], r: 0.6 * em });
      keys.draw({ any: placed.length > 0, current: here?.[2] ?? null, words: here ? binInWords(here[2]) : "" });
    });
  if (!pick) return made;
  const keys = marksByKeys(made.node, ring, { across: () => placed.map((point) => point[2]), pick, open });
  made.node.addEventListener("click", (event) => {
    const box = made.node.getBoundingClientRect();
    const far = ([left, top]) => Math.hypot(left - event.clientX + box.left, top - event.clientY + box.top);
    const [nearest] = [...placed].sort((p, q) => far(p) - far(q));
    if (nearest && far(nearest) < REACH) pick(nearest[2]);
  });
  return made;
}

/** The bin that holds a probability; undefined for null, and for one half, which is in no bin. */
export function binOf(bins, sure) {
  return sure === null || sure === 0.5 ? undefined : bins.find((bin) => bin.lower <= sure && (sure < bin.upper || bin.upper === 1));
}

/** What a bin shows, in a sentence. */
export function binInWords({ mean_probability: sure, observed_share: share, interval: [low, high], count }) {
  const pairs = count === 1 ? "1 pair" : `${count.toLocaleString("en")} pairs`;
  return `Where it is about ${percent(sure)} sure, it is right in ${percent(share)} of ${pairs} (95% interval ${percent(low)} to ${percent(high)}).`;
}
