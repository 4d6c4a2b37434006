// A small curve over the score difference, with a dot on it to drag or move with keys.
import { axis, graph, line, picture, scale, shownIf, signed } from "./chart.js";
import { follow, onGrid, pressed, STEP } from "./drag_and_keys.js";
import { svg, update } from "../core/dom.js";

/**
 * The picture of `draw({ d, reach, of, most, level, revealed, words })`: `of` is the height at a difference, from 0 to
 * `most`; `level` is a dashed height; `words` describe the dot; `said` is a height that was predicted. move(difference) is
 * called for one that is chosen.
 */
export function smallCurve({ label, move }) {
  const across = axis("bottom", { label: "", count: 5 });
  const still = svg("path", { class: "rx-grid" });
  const curve = svg("path", { class: "rx-line" });
  const guide = svg("path", { class: "rx-guide" });
  const gap = svg("path", { class: "rx-gap" });
  const ghost = svg("circle", { class: "rx-point", r: "0.47em" });
  const dot = svg("g", { class: "rx-pin rx-ink", role: "slider", tabindex: 0, "aria-label": label, "aria-orientation": "horizontal", onKeydown: press, onPointerdown: grab },
    svg("circle", { class: "rx-halo", r: "0.95em" }), svg("circle", { r: "0.55em" }));
  let x = null;
  let now = null;

  const choose = (d) => move(Number(d.toFixed(6)));
  const ends = () => [-now.reach, now.reach];

  function press(event) {
    pressed(event, now.d, STEP, ends(), choose);
  }

  function grab(event) {
    const from = x.invert(event.clientX) - now.d;
    follow(event, dot, (e) => choose(onGrid(x.invert(e.clientX) - from, STEP, ends())));
  }

  return picture({ height: 7.5, class: "rx-small-curve", role: "group", label }, [still, across.node, curve, guide, gap, svg("g", { class: "rx-ghost" }, ghost), dot],
    ({ width, height, em }, next) => {
      now = next;
      x = scale([-now.reach, now.reach], [1.2 * em, width - 1.2 * em]);
      const y = scale([0, now.most], [height - 2.2 * em, 0.9 * em]);
      across.update(x, y(0), em);
      update(still, { d: line([[x(0), y(0)], [x(0), y(now.most)]]) + line([[x.range[0], y(now.level)], [x.range[1], y(now.level)]]) });
      update(curve, { d: graph(now.of, x, y) });
      const height_ = now.of(now.d);
      update(guide, { d: line([[x(now.d), y(0)], [x(now.d), y(height_)]]), visibility: shownIf(now.revealed) });
      const said = now.said ?? null;
      update(gap, { d: said === null ? "" : line([[x(now.d), y(said)], [x(now.d), y(height_)]]), visibility: shownIf(now.revealed && said !== null) });
      update(ghost, { cx: x(now.d), cy: y(said ?? 0), visibility: shownIf(now.revealed && said !== null) });
      update(dot, {
        transform: `translate(${x(now.d)},${y(height_)})`, visibility: shownIf(now.revealed),
        "aria-valuenow": Number(now.d.toFixed(6)), "aria-valuemin": -now.reach, "aria-valuemax": now.reach,
        "aria-valuetext": `difference ${signed(now.d)} nats, ${now.words}`,
      });
    });
}
