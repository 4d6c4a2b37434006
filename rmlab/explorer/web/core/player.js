// Frames that play, pause and step: the clock of the training film and of Optimise.

/**
 * A player of the frames 0 to `last()`. While it plays, its position runs on, one frame in `pace()` milliseconds, and
 * `draw()` is called; when it ends or pauses, `settle(frame)` keeps the frame to which `whole` rounds the position. `rest()`
 * is the frame that was kept. If the system asks for reduced motion, a press is a step.
 */
export function player({ last, pace, rest, settle, draw, whole = Math.floor }) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let run = null; // { position, time } at the last frame drawn, while it plays

  function play() {
    const mine = { position: begin(), time: null };
    run = mine;
    const advance = (time) => {
      if (run !== mine) return; // it was paused, even if it plays again
      mine.position = Math.min(last(), mine.position + (mine.time === null ? 0 : (time - mine.time) / pace()));
      mine.time = time;
      if (mine.position >= last()) return pause();
      draw();
      requestAnimationFrame(advance);
    };
    requestAnimationFrame(advance);
    draw();
  }
  function pause() {
    const frame = whole(run.position + 1e-9);
    run = null;
    settle(frame);
    draw(); // also if it is at the frame that was kept before
  }
  const begin = () => (rest() >= last() ? 0 : rest());

  still.addEventListener("change", draw);
  return {
    /** What its button does: play or pause; with reduced motion one step, and from the last back to the first. */
    press() {
      if (still.matches) settle(rest() >= last() ? 0 : rest() + 1);
      else if (run) pause();
      else play();
    },
    name: () => (still.matches ? "Next step" : run ? "Pause" : "Play"),
    playing: () => run !== null,
    position: () => (run ? run.position : rest()),
    /** Stop it when something else sets the frame. */
    stop() { run = null; },
    close() {
      run = null;
      still.removeEventListener("change", draw);
    },
  };
}
