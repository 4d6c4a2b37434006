// Numbers that move to their new values. If the system asks for reduced motion, they jump there.

const MOVE = 400; // milliseconds

/** Whether the system asks for reduced motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The share of the way after a share of the time: slow at both ends. */
export const eased = (share) => share * share * (3 - 2 * share);

/** Calls `draw(share)` on the way from 0 to 1; returns a function that ends it at once, at 1 if asked to. */
export function play(draw, milliseconds) {
  if (calm() || !milliseconds) {
    draw(1);
    return () => {};
  }
  let start = null;
  let over = false;
  function step(time) {
    if (over) return;
    start ??= time;
    const share = Math.min(1, (time - start) / milliseconds);
    over = share === 1;
    draw(share);
    if (!over) requestAnimationFrame(step);
  }
  draw(0);
  requestAnimationFrame(step);
  return (finish = false) => {
    if (over) return;
    over = true;
    if (finish) draw(1);
  };
}

/**
 * Draws numbers, and moves them: `to(values)`, with an object of numbers, calls `draw` with the values on the way there;
 * `to(values, true)` puts them there at once, and so does the first call. `stop()` ends it.
 */
export function moving(draw, milliseconds = MOVE) {
  let now = null;
  let target = null;
  let stop = () => {};
  return {
    to(values, atOnce = false) {
      const same = target !== null && Object.keys(values).every((name) => values[name] === target[name]);
      if (same && !atOnce) return draw(now); // something other than the numbers changed
      stop();
      const from = now;
      target = values;
      stop = play((share) => {
        now = Object.fromEntries(Object.entries(values).map(([name, value]) =>
          [name, share === 1 ? value : from[name] + (value - from[name]) * eased(share)]));
        draw(now);
      }, atOnce || from === null ? 0 : milliseconds);
      return undefined;
    },
    stop: () => stop(),
  };
}

/** Draws a list of numbers: `to(values, from)` moves them there from `from`; `to(values)` puts them there at once. */
export function sliding(draw) {
  let stop = () => {};
  return {
    stop: () => stop(),
    to(values, from = null) {
      stop();
      const on = (share) => values.map((value, i) => (share === 1 ? value : from[i] + (value - from[i]) * eased(share)));
      stop = play((share) => draw(on(share)), from === null ? 0 : MOVE);
    },
  };
}
