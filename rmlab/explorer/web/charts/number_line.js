// Two scores as handles on a number line, to be dragged or moved with keys.
import { axis, inside, line, picture, scale, shownIf, signed } from "./chart.js";
import { svg, update } from "../core/dom.js";
import { judgementSlope } from "../core/preference.js";

const STEP = 0.1; // of an arrow key and of the grid that a dragged handle keeps to, in nats
const FURTHEST = 1000;

/** What a state says of scores that its reader chose. */
export const BY_HAND = "set by hand";

/** The line; `draw(now)` as the curve's other pictures. */
export function numberLine(store) {
  const across = axis("bottom", { label: "score (nats)" });
  const bracket = svg("path", { class: "rx-bracket" });
  const gap = svg("text", { class: "rx-strong", "text-anchor": "middle" });
  const pins = ["a", "b"].map((side) => pin(side));
  const pushes = ["a", "b"].map((side) => svg("path", { class: `rx-push rx-${side}` }));
  let middle = 0; // score in the middle of the line; it follows when a handle leaves the line
  let x = null;
  let now = null;

  function pin(side) {
    const shape = side === "a" ? svg("circle", { r: "0.87em" }) : svg("rect", { x: "-0.8em", y: "-0.8em", width: "1.6em", height: "1.6em", rx: "0.2em" });
    const stem = svg("path", { class: "rx-stem" });
    const letter = svg("text", { class: "rx-letter", dy: "0.35em", "text-anchor": "middle", text: side.toUpperCase() });
    const node = svg("g", {
      class: `rx-pin rx-${side}`, role: "slider", tabindex: 0, "aria-label": `Score of ${side.toUpperCase()}`,
      "aria-valuemin": -FURTHEST, "aria-valuemax": FURTHEST, "aria-orientation": "horizontal",
      onKeydown: (event) => press(event, side), onPointerdown: (event) => grab(event, side, node),
    }, stem, svg("circle", { class: "rx-halo", r: "1.27em" }), shape, letter);
    return { node, stem };
  }

  function move(side, value) {
    const kept = Math.min(FURTHEST, Math.max(-FURTHEST, Number(value.toFixed(6))));
    const [a, b] = store.get("scores");
    store.set({ scores: side === "a" ? [kept, b] : [a, kept], scores_from: BY_HAND });
  }

  function press(event, side) {
    const size = STEP * (event.shiftKey ? 10 : 1);
    const [low, high] = x.domain;
    const value = {
      ArrowRight: now[side] + size, ArrowUp: now[side] + size, ArrowLeft: now[side] - size, ArrowDown: now[side] - size,
      PageUp: now[side] + 10 * STEP, PageDown: now[side] - 10 * STEP, Home: low, End: high,
    }[event.key];
    if (value === undefined) return;
    event.preventDefault();
    move(side, value);
  }

  function grab(event, side, node) {
    if (event.button !== 0) return;
    event.preventDefault();
    node.focus();
    node.setPointerCapture(event.pointerId);
    const from = x.invert(event.clientX) - now[side];
    const drag = (e) => {
      const [low, high] = x.domain;
      move(side, Math.min(high, Math.max(low, Math.round((x.invert(e.clientX) - from) / STEP) * STEP)));
    };
    const end = () => {
      node.removeEventListener("pointermove", drag);
      node.removeEventListener("lostpointercapture", end);
    };
    node.addEventListener("pointermove", drag);
    node.addEventListener("lostpointercapture", end);
  }

  return picture({ height: 10.5, class: "rx-numbers", role: "group", label: "Scores of A and B" },
    [across.node, bracket, gap, ...pushes, ...pins.map((each) => each.node)],
    ({ width, height, em }, next) => {
      now = next;
      const holds = (at) => Math.max(now.a, now.b) <= at + now.reach && Math.min(now.a, now.b) >= at - now.reach;
      if (!holds(middle)) middle = holds(0) ? 0 : Math.round((now.a + now.b) / 2);
      x = scale([middle - now.reach, middle + now.reach], [3.6 * em, width - 1.2 * em]);
      const y = height - 3.4 * em;
      across.update(x, y, em);
      update(bracket, { d: line([[x(now.b), y], [x(now.a), y]]) });
      update(gap, {
        x: inside(x((now.a + now.b) / 2), 0, x, em), y: 0.9 * em,
        text: `difference A − B = ${signed(now.d)}`, visibility: shownIf(now.revealed),
      });
      const slope = judgementSlope(now.d, now.winner, now.temperature);
      pins.forEach(({ node, stem }, i) => {
        const value = i ? now.b : now.a;
        const rise = (i ? -1.7 : -4) * em; // a lane each, so that equal scores hide neither
        update(node, {
          transform: `translate(${x(value)},${y + rise})`, "aria-valuenow": value, "aria-valuetext": `${signed(value)} nats`,
          "aria-disabled": now.known ? null : "true",
        });
        update(stem, { d: line([[0, 0], [0, -rise]]) });
        const length = (i ? slope : -slope) * 4 * em;
        update(pushes[i], { d: arrow(x(value), y + rise, length, em, width), visibility: shownIf(now.revealed && Math.abs(length) > 0.15 * em) });
      });
    });
}

/** An arrow from beside a pin, to the right for a positive length; one that would leave the picture ends at its edge. */
function arrow(x, y, length, em, width) {
  const sign = Math.sign(length);
  const start = x + sign * 1.33 * em;
  const tip = Math.min(width, Math.max(0, start + length));
  return line([[start, y], [tip, y]]) + line([[tip - sign * 0.4 * em, y - 0.35 * em], [tip, y], [tip - sign * 0.4 * em, y + 0.35 * em]]);
}
