// The score difference after each edit, a point for each, of the model and of a second scorer. The names are in a legend,
// since the lines may be anywhere.
import { axis, line, picture, scale, signed } from "./chart.js";
import { element, svg, update } from "../core/dom.js";

const MARKS = ["● —", "■ ╌"];

/** `draw({ entries: [{ id, values: [number or null, ...] }], here, names, shown })`, and its `legend`; `go(id)` for a click on a point. */
export function trail({ go }) {
  const across = svg("text", { class: "rx-axis-label", "text-anchor": "middle", text: "edits, from the first to the newest" });
  const up = axis("left", { label: "difference A − B (nats)", count: 4, format: (value) => signed(value, Number.isInteger(value) ? 0 : 1) });
  const zero = svg("path", { class: "rx-zero" });
  const now = svg("path", { class: "rx-cursor" });
  const lines = ["one", "other"].map((which) => svg("path", { class: `rx-trail rx-trail-${which}` }));
  const points = svg("g");
  const names = ["one", "other"].map((which) => element("span", { class: `rx-trail-${which}` }));
  const made = picture({ height: 11, label: "Score difference after each edit", class: "rx-trail-picture" },
    [svg("g", { class: "rx-axis", "aria-hidden": "true" }, across), up.node, zero, now, ...lines, points],
    ({ width, height, em }, { entries, here, names: called, shown }) => {
      const values = entries.flatMap((entry) => entry.values).filter((value) => value !== null);
      const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
      const room = Math.max(0.4, 0.15 * (high - low));
      const x = scale([0, Math.max(1, entries.length - 1)], [3.6 * em, width - 1.5 * em]);
      const y = scale([low - room, high + room], [height - 1.8 * em, 2.2 * em]);
      update(across, { x: (x.range[0] + x.range[1]) / 2, y: height - 0.4 * em });
      up.update(y, x.range[0] - 0.6 * em, em);
      update(zero, { d: line([[x.range[0] - 0.6 * em, y(0)], [x.range[1], y(0)]]) });
      const place = entries.findIndex((entry) => entry.id === here);
      update(now, { d: place < 0 ? "" : line([[x(place), y.range[0]], [x(place), y.range[1]]]) });
      const of = (which) => entries.map(({ values: each }, i) => [i, each[which]]).filter(([, value]) => shown && value !== null && value !== undefined);
      lines.forEach((each, which) => update(each, { d: line(of(which).map(([i, value]) => [x(i), y(value)])) }));
      points.replaceChildren(...[1, 0].flatMap((which) => of(which).map(([i, value]) => {
        const { id } = entries[i];
        const shape = { class: `rx-trail-point rx-trail-${which ? "other" : "one"}`, onClick: () => go(id) };
        return which
          ? svg("rect", { ...shape, x: x(i) - 0.35 * em, y: y(value) - 0.35 * em, width: 0.7 * em, height: 0.7 * em })
          : svg("circle", { ...shape, cx: x(i), cy: y(value), r: 0.42 * em });
      })));
      names.forEach((name, which) => update(name, { text: called[which] ? `${MARKS[which]} ${called[which]}` : "" }));
    });
  return { ...made, legend: element("p", { class: "rx-legend" }, ...names) };
}
