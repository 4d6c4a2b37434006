// Numbers that go to their new values in a moment, where the system does not ask for calm.

const MOMENT = 400; // milliseconds

/** Calls `draw(values)` along the way from some numbers to others; `to(values, from)` starts it, or draws at once without `from`. */
export function sliding(draw) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let frame = null;
  const stop = () => {
    cancelAnimationFrame(frame);
    frame = null;
  };
  return {
    stop,
    to(values, from = null) {
      stop();
      if (from === null || still.matches) {
        draw(values);
        return;
      }
      const start = performance.now();
      const step = (time) => {
        const share = Math.min(1, Math.max(0, (time - start) / MOMENT));
        const eased = 1 - (1 - share) ** 3;
        draw(values.map((value, i) => from[i] + eased * (value - from[i])));
        frame = share < 1 ? requestAnimationFrame(step) : null;
      };
      frame = requestAnimationFrame(step);
    },
  };
}
