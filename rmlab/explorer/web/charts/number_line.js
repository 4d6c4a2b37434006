// Two scores as handles on a number line, to be dragged or moved with keys; a press on the line moves the nearer one.
import { axis, inside, line, picture, scale, shownIf, signed } from "./chart.js";
import { follow, onGrid, pressed, STEP } from "./drag_and_keys.js";
import { svg, update } from "../core/dom.js";
import { judgementSlope } from "../core/preference.js";
import { sliding } from "../core/motion.js";

const FURTHEST = 1000;

/** As much of a constant as two scores have room for: all of it goes to both, so that their difference stays. */
export function addable(c, a, b) {
  const [down, up] = [Math.min(0, -FURTHEST - Math.min(a, b)), Math.max(0, FURTHEST - Math.max(a, b))];
  return Math.min(up, Math.max(down, c));
}

/** What a state says of scores that its reader chose, at least at its beginning. */
export const BY_HAND = "set by hand";

/** Whether the scores are a model's, of the texts that are shown. */
export const ofTheTexts = (store) => !store.get("scores_from").startsWith(BY_HAND);

/** The traits of scores that the reader sets. */
export function byHand(a, b) {
  const kept = (value) => Number(value.toFixed(6));
  return { scores: [kept(a), kept(b)], scores_from: BY_HAND };
}

/** The line; `draw(now)` as the curve's other pictures. */
export function numberLine(store) {
  const across = axis("bottom", { label: "score (nats)" });
  const ground = svg("rect", { class: "rx-over rx-ground", x: 0, fill: "transparent", onPointerdown: nearer });
  const bracket = svg("path", { class: "rx-bracket" });
  const gap = svg("text", { class: "rx-strong", "text-anchor": "middle" });
  const pins = { a: pin("a"), b: pin("b") };
  const pushes = ["a", "b"].map((side) => svg("path", { class: `rx-push rx-${side}` }));
  let middle = 0; // score in the middle of the line; it follows when a handle leaves the line
  let x = null;
  let now = null;
  let size = null;

  function pin(side) {
    const shape = side === "a" ? svg("circle", { r: "0.87em" }) : svg("rect", { x: "-0.8em", y: "-0.8em", width: "1.6em", height: "1.6em", rx: "0.2em" });
    const stem = svg("path", { class: "rx-stem" });
    const letter = svg("text", { class: "rx-letter", dy: "0.35em", "text-anchor": "middle", text: side.toUpperCase() });
    const node = svg("g", {
      class: `rx-pin rx-${side}`, role: "slider", tabindex: 0, "aria-label": `Score of ${side.toUpperCase()}`,
      "aria-valuemin": -FURTHEST, "aria-valuemax": FURTHEST, "aria-orientation": "horizontal",
      onKeydown: (event) => pressed(event, now[side], STEP, x.domain, (value) => move(side, value)),
      onPointerdown: (event) => grab(event, side),
    }, stem, svg("circle", { class: "rx-halo", r: "1.27em" }), shape, letter);
    return { node, stem };
  }

  function move(side, to) { // the other score stays
    const most = Math.max(FURTHEST, Math.abs(now[side])); // a model's may lie further out
    const value = Math.min(most, Math.max(-most, to));
    store.set(side === "a" ? byHand(value, now.b) : byHand(now.a, value));
  }

  function grab(event, side, from = x.invert(event.clientX) - now[side]) {
    follow(event, pins[side].node, (e) => move(side, onGrid(x.invert(e.clientX) - from, STEP, x.domain)));
  }

  function nearer(event) { // a press beside the handles
    if (event.button !== 0 || !now.known) return;
    const left = ground.ownerSVGElement.getBoundingClientRect().left;
    const value = onGrid(x.invert(event.clientX - left), STEP, x.domain);
    const side = Math.abs(value - now.a) <= Math.abs(value - now.b) ? "a" : "b";
    move(side, value);
    grab(event, side, x.invert(event.clientX) - value);
  }

  const slide = sliding(([a, b, at]) => {
    const { width, height, em } = size;
    x = scale([at - now.reach, at + now.reach], [3.6 * em, width - 1.2 * em]);
    const y = height - 3.4 * em;
    across.update(x, y, em);
    update(ground, { width, height });
    update(bracket, { d: line([[x(b), y], [x(a), y]]) });
    update(gap, {
      x: inside(x((a + b) / 2), 0, x, em), y: 0.9 * em,
      text: `difference A − B = ${signed(now.d)}`, visibility: shownIf(now.revealed),
    });
    const slope = now.winner === null ? 0 : judgementSlope(now.d, now.winner, now.temperature); // no label, no push
    Object.entries(pins).forEach(([side, { node, stem }], i) => {
      const value = i ? b : a;
      const rise = (i ? -1.7 : -4) * em; // a lane each, so that equal scores hide neither
      update(node, {
        transform: `translate(${x(value)},${y + rise})`, "aria-valuenow": now[side], "aria-valuetext": `${signed(now[side])} nats`,
        "aria-disabled": now.known ? null : "true",
      });
      update(stem, { d: line([[0, 0], [0, -rise]]) });
      const length = (i ? slope : -slope) * 4 * em;
      update(pushes[i], { d: arrow(x(value), y + rise, length, em, width), visibility: shownIf(now.revealed && Math.abs(length) > 0.15 * em) });
    });
  });

  const drawn = picture({ height: 9.6, class: "rx-numbers", role: "group", label: "Scores of A and B" },
    [ground, across.node, bracket, gap, ...pushes, pins.a.node, pins.b.node],
    (room, next) => {
      const last = now;
      const together = last !== null && size !== null && last.a !== next.a && Math.abs(last.d - next.d) < 1e-9; // a constant was added
      const before = middle;
      now = next;
      size = room;
      const holds = (at) => Math.max(now.a, now.b) <= at + now.reach && Math.min(now.a, now.b) >= at - now.reach;
      if (!holds(middle)) middle = holds(0) ? 0 : Math.round((now.a + now.b) / 2);
      slide.to([now.a, now.b, middle], together ? [last.a, last.b, before] : null);
    });
  return { ...drawn, close() { slide.stop(); drawn.close(); } };
}

/** An arrow from beside a pin, to the right for a positive length; one that would leave the picture ends at its edge. */
function arrow(x, y, length, em, width) {
  const sign = Math.sign(length);
  const start = x + sign * 1.33 * em;
  const tip = Math.min(width, Math.max(0, start + length));
  return line([[start, y], [tip, y]]) + line([[tip - sign * 0.4 * em, y - 0.35 * em], [tip, y], [tip - sign * 0.4 * em, y + 0.35 * em]]);
}
