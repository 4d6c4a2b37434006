// P as needles on a half circle: up is a toss-up, to the left is A, to the right is B, like the responses.
import { line, picture, shownIf } from "./chart.js";
import { svg, update } from "../core/dom.js";

const TICKS = [0, 0.25, 0.5, 0.75, 1];

const ROOM = 0.1; // the share of the half circle that a number takes

/** The side that a needle leans to, with its probability: to the right that is B, although p is that of A. */
function short(p) {
  const [side, share] = p >= 0.5 ? ["A", p] : ["B", 1 - p];
  return `${side} ${share > 0.995 ? "> 0.99" : share.toFixed(2)}`;
}

/** Where to put the number of a needle at p, so that it does not overlap the other's. */
function clearOf(p, other) {
  if (p === null || other === null || Math.abs(p - other) >= ROOM) return p;
  const below = p < other || other > 1 - ROOM / 2;
  const place = other + (below ? -ROOM : ROOM);
  return place < 0 ? other + ROOM : place > 1 ? other - ROOM : place;
}

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
      const y = height - 2 * em;
      const r = Math.min(width / 2 - 4.5 * em, height - 3.6 * em); // "A > 0.99" fits beside it
      const at = (p, share = 1) => [x + r * share * Math.cos(Math.PI * p), y - r * share * Math.sin(Math.PI * p)];
      const arc = (from, to, share = 1) => {
        const [start, end] = [from, to].map((p) => at(p, share).map((value) => value.toFixed(1)).join(" "));
        return `M${start}A${r * share} ${r * share} 0 0 ${to > from ? 0 : 1} ${end}`;
      };
      update(halves[0], { d: arc(1, 0.503) });
      update(halves[1], { d: arc(0.497, 0) });
      update(ticks, { d: TICKS.map((p) => line([at(p, 0.9), at(p, 0.97)])).join("") });
      letters.forEach((letter, i) => update(letter, { x: x + (i ? 1 : -1) * r, y: y + 1.5 * em }));
      const [one, other] = now.needles;
      now.needles.forEach(({ p, late }, i) => {
        update(needles[i], {
          d: p === null ? "" : line([[x, y], at(p, i ? 0.86 : 0.93)]), visibility: shownIf(p !== null),
          "stroke-opacity": late ? 0.4 : null,
        });
        const place = i ? clearOf(p, one.p) : p; // two numbers would overlap
        const [left, top] = at(place ?? 0.5, 1 + 0.5 * em / r);
        const aside = Math.cos(Math.PI * (place ?? 0.5));
        update(figures[i], {
          x: left, y: top + (Math.abs(aside) < 0.3 ? 0 : 0.3 * em), text: p === null ? "" : short(p), class: `rx-strong rx-figure-${i ? "other" : "one"}`,
          "text-anchor": aside < -0.3 ? "end" : aside > 0.3 ? "start" : "middle",
        });
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
