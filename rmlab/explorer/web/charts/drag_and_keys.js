// What sliders that are drawn in a picture have in common: the pointer that drags them, the keys that move them.

export const STEP = 0.1; // of an arrow key and of the grid that a dragged handle or dot keeps to, in nats

/** Call `move(event)` for each place to which a pointer drags `node`, once it has been pressed: `event` is that press. */
export function follow(event, node, move) {
  if (event.button !== 0) return;
  event.preventDefault();
  node.focus();
  node.setPointerCapture(event.pointerId);
  const end = () => {
    node.removeEventListener("pointermove", move);
    node.removeEventListener("lostpointercapture", end);
  };
  node.addEventListener("pointermove", move);
  node.addEventListener("lostpointercapture", end);
}

/** The value to which a key moves a slider from `value`; undefined for keys that do not move sliders. */
export function stepped(event, value, step, [low, high]) {
  const size = step * (event.shiftKey ? 10 : 1);
  return {
    ArrowRight: value + size, ArrowUp: value + size, ArrowLeft: value - size, ArrowDown: value - size,
    PageUp: value + 10 * step, PageDown: value - 10 * step, Home: low, End: high,
  }[event.key];
}

/** Call `move(value)` for a key of a slider. */
export function pressed(event, value, step, ends, move) {
  const to = stepped(event, value, step, ends);
  if (to === undefined) return;
  event.preventDefault();
  move(to);
}

/** The nearest value on a grid, within two ends. */
export function onGrid(value, step, [low, high]) {
  return Math.min(high, Math.max(low, Math.round(value / step) * step));
}
