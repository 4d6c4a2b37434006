// P as needles on a half circle: up is a toss-up, to the left is A, to the right is B, as the responses stand.
import { line, picture, shownIf } from "./chart.js";
import { svg, update } from "../core/dom.js";

const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** `draw({ needles: [{ p, late }], guess, said })`: p null where there is none; a guess that is being made, one that was compared. */
export function dial({ label }) {
  const halves = ["a", "b"].map((side) => svg("path", { class: `rx-arc rx-${side}` }));
  const ticks = svg("path", { class: "rx-guide" });
  const letters = ["a", "b"].map((side) => svg("text", { class: `rx-side-${side} rx-large`, "text-anchor": "middle", text: side.toUpperCase() }));
  const needles = ["one", "other"].map((which) => svg("path", { class: `rx-needle rx-needle-${which}` }));
  const figures = needles.map(() => svg("text", { class: "rx-strong", "text-anchor": "middle" }));
  const ghost = svg("path", { class: "rx-needle rx-needle-said" });
  const gap = svg("path", { class: "rx-gap" });
  const hub = svg("circle", { class: "rx-hub", r: "0.45em" });
  return picture({ height: 11, label, class: "rx-dial" },
    [...halves, ticks, ...letters, gap, ghost, needles[1], needles[0], hub, ...figures],
    ({ width, height, em }, now) => {
      const x = width / 2;
      const y = height - 0.8 * em;
      const r = Math.min(width / 2 - 2.4 * em, height - 2.9 * em);
      const at = (p, share = 1) => [x + r * share * Math.cos(Math.PI * p), y - r * share * Math.sin(Math.PI * p)];
      const arc = (from, to, share = 1) => {
        const [start, end] = [from, to].map((p) => at(p, share).map((value) => value.toFixed(1)).join(" "));
        return `M${start}A${r * share} ${r * share} 0 0 ${to > from ? 0 : 1} ${end}`;
      };
      update(halves[0], { d: arc(1, 0.503) });
      update(halves[1], { d: arc(0.497, 0) });
      update(ticks, { d: TICKS.map((p) => line([at(p, 0.9), at(p, 0.97)])).join("") });
      letters.forEach((letter, i) => update(letter, { x: x + (i ? 1 : -1) * (r + 1.3 * em), y }));
      const [one, other] = now.needles;
      now.needles.forEach(({ p, late }, i) => {
        update(needles[i], {
          d: p === null ? "" : line([[x, y], at(p, i ? 0.86 : 0.93)]), visibility: shownIf(p !== null),
          "stroke-opacity": late ? 0.4 : null,
        });
        const near = i && one.p !== null && p !== null && Math.abs(p - one.p) < 0.09; // the two numbers would run into each other
        const [left, top] = at(near ? p + Math.sign(p - one.p || 1) * (0.09 - Math.abs(p - one.p)) : p ?? 0.5, 1 + 1.15 * em / r);
        update(figures[i], { x: left, y: top + 0.35 * em, text: p === null ? "" : p.toFixed(2), class: `rx-strong rx-figure-${i ? "other" : "one"}` });
      });
      for (let i = now.needles.length; i < 2; i += 1) {
        update(needles[i], { d: "" });
        update(figures[i], { text: "" });
      }
      const said = now.guess ?? now.said;
      update(ghost, { d: said === null ? "" : line([[x, y], at(said, 0.93)]) });
      update(gap, { d: now.said === null || one.p === null ? "" : arc(now.said, one.p, 0.8) });
      update(hub, { cx: x, cy: y });
    });
}
