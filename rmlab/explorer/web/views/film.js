// The training film: the held-out pairs at each recorded step, moving apart.
import { calibration } from "../charts/calibration.js";
import { legend, signed } from "../charts/chart.js";
import { element, update } from "../core/dom.js";
import { counted, highest, histogram, reachOf } from "../charts/histogram.js";
import { differenceInWords, openProbe, pairCard, pick } from "../parts/pick.js";
import { player } from "../core/player.js";
import { preferenceProbability } from "../core/preference.js";
import { changeSettings, settingsOf } from "../core/settings.js";
import { guessSlider } from "../parts/predictions.js";
import { besideEven } from "../parts/terms.js";
import { strip } from "../charts/strip.js";
import { trace } from "../charts/trace.js";

const WHOLE = 6_000; // milliseconds of a film

export const film = {
  name: "film",
  title: "Training film",
  render(root, store) {
    const reel = store.get("data").film;
    const last = reel.steps.length - 1;
    const reach = reachOf(reel.differences.flat());
    const most = 2 * highest(counted(reel.differences[last], reach)); // the same height in every frame; before training all differences are near zero
    const worst = worstAtTheEnd(reel.differences[last]);
    const frameNow = () => Math.min(last, Math.max(0, Number(settingsOf(store, "film", { frame: 0 }).frame) || 0));
    function followedNow() {
      const selection = store.get("selection"); // a pair that is selected elsewhere is followed here
      const selected = selection === null ? -1 : reel.rows.indexOf(selection);
      const followed = Number(settingsOf(store, "film", { followed: reel.followed }).followed); // a link may hold anything
      return selected >= 0 ? selected : reel.differences[last][followed] === undefined ? reel.followed : followed;
    }
    const choose = (i) => {
      changeSettings(store, "film", { followed: i }, { selection: reel.rows[i] });
      if (reel.rows[i] !== null) pick(store, reel.rows[i]);
    };

    const bars = histogram({ label: "How many held-out pairs have which score difference", height: 14 });
    const marks = strip({ label: "Score difference of each held-out pair", height: 11, calling: "its worst mistake", pick: choose, open: () => openProbe(store) });
    const curve = calibration({ label: "How often the model is right, against how sure it is", height: 15 });
    const losses = trace({ label: "Loss over the steps", height: 12, up: "loss (nats)", level: Math.log(2) });
    const path = trace({ label: "Difference of the followed pair over the steps", height: 12, up: "score difference (nats)", level: 0 });
    const card = pairCard(store);
    const words = element("p", { class: "rx-words", role: "status" });
    const look = element("p", { class: "rx-look" }, element("strong", { text: "Look for" }),
      " the two colours moving apart. A pair that is still marked ■ at the end, left of zero, is one that the model has learned wrongly or not at all.");
    const guess = guessSlider(store, "accuracy", "Your prediction of the accuracy at the last step");
    const run = player({
      last: () => last, pace: () => WHOLE / Math.max(1, last), rest: frameNow, draw,
      settle: (frame) => changeSettings(store, "film", { frame }),
    });
    const form = controls();
    const pictured = (title, part, ...below) => element("div", { class: "rx-card" }, element("h3", { text: title }), part.node, ...below);
    root.append(element("div", { class: "rx-columns" },
      element("div", { class: "rx-card rx-wide" }, form.node, guess.node, words, look, ...reel.notes.map((note) => element("p", { class: "rx-note", text: note }))),
      element("div", { class: "rx-stack" },
        element("div", { class: "rx-card" }, element("h3", { text: "Held-out pairs" }), bars.node, marks.node,
          legend(["rx-a", "● the model agrees"], ["rx-b", "■ it disagrees"])),
        card.node),
      element("div", { class: "rx-stack" },
        pictured("Calibration at this step", curve),
        pictured("Loss", losses, legend(["rx-held", "●– held-out pairs"], ["rx-ink", "– the batch of each step"], ["", "┄ a coin, 0.693"])),
        pictured("The followed pair", path, legend(["", "┄ equal scores"])))));

    function draw() {
      const position = run.position();
      const shown = store.get("revealed");
      const at = Math.floor(position + 1e-9);
      const values = between(reel.differences, position);
      const pair = followedNow();
      const step = reel.steps[at];
      const found = reel.evaluations[at];
      bars.draw({ values, reach, most, selected: values[pair] ?? null, shown: shown || at === 0 });
      marks.draw({ values, reach, followed: pair, called: shown ? worst : null, shown: shown || at === 0, words: differenceInWords(pair, reel.differences[at][pair]) });
      curve.draw({ bins: found.calibration, sure: values[pair] === undefined ? null : preferenceProbability(Math.abs(values[pair])), shown });
      const now = reel.steps[at] + (position - at) * ((reel.steps[at + 1] ?? step) - step);
      losses.draw({
        step: now, shown, lines: [
          { class: "rx-batch", x: reel.training.step, y: reel.training.loss },
          { class: "rx-held", x: reel.steps, y: reel.evaluations.map((one) => one.log_loss), points: true },
        ],
      });
      path.draw({ step: now, shown, lines: [{ class: "rx-held", x: reel.steps, y: reel.differences.map((d) => d[pair]), points: true }] });
      form.draw(position, at);
      guess.draw();
      update(words, { text: inWords(reel, at, shown), "aria-live": run.playing() ? "off" : null });
      update(look, { hidden: !shown });
      card.draw(reel.rows[pair] ?? null, ...followedInWords(reel, at, pair, shown));
    }

    function controls() {
      const button = element("button", { type: "button", class: "rx-button rx-play", onClick: run.press });
      const slider = element("input", {
        type: "range", min: 0, max: last, step: 1, "aria-label": "recorded step", class: "rx-long",
        onInput: () => { run.stop(); changeSettings(store, "film", { frame: Number(slider.value) }); },
      });
      const value = element("output", { class: "rx-value" });
      const follow = element("input", {
        type: "number", min: 1, max: reel.differences[0].length, class: "rx-small",
        onChange: () => { if (follow.validity.valid && follow.value) choose(Number(follow.value) - 1); },
      });
      const node = element("div", { class: "rx-controls" }, button, slider, value,
        element("label", { class: "rx-field" }, element("span", { text: "Follow pair" }), follow));
      return {
        node,
        draw(position, at) {
          update(button, { text: run.name() });
          slider.value = Math.round(position);
          update(slider, { "aria-valuetext": `step ${reel.steps[at]}` });
          update(value, { text: `step ${reel.steps[at]} of ${reel.steps[last]}` });
          if (!follow.matches(":focus")) follow.value = followedNow() + 1; // else it is being typed
        },
      };
    }

    const off = store.on(["settings", "selection", "revealed", "guess"], draw);
    draw();
    return () => {
      off();
      for (const part of [run, bars, marks, curve, losses, path]) part.close();
    };
  },
};

/** The pair that is furthest from zero on the wrong side; null if there is none. */
function worstAtTheEnd(differences) {
  const low = Math.min(...differences);
  return low < 0 ? differences.indexOf(low) : null;
}

/** Differences at a position between two recorded steps, on a straight line from one to the other. */
export function between(frames, position) {
  const at = Math.floor(position);
  const next = frames[at + 1];
  if (!next || position === at) return frames[at];
  const part = position - at;
  return frames[at].map((value, i) => value + (next[i] - value) * part);
}

function inWords(reel, at, shown) {
  if (!shown) return "Predict: before training the differences are all near zero. Where will they be at the end? And how large will the accuracy be?";
  const { accuracy, accuracy_interval: [low, high], log_loss: loss, n_pairs: n } = reel.evaluations[at];
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  return `At step ${reel.steps[at]}: on ${n.toLocaleString("en")} held-out pairs accuracy ${percent(accuracy)} (95% interval ${percent(low)} to ${percent(high)}), log loss ${loss.toFixed(3)} nats, ${besideEven(loss)}.`;
}

function followedInWords(reel, at, pair, shown) {
  const d = reel.differences[at][pair];
  if (d === undefined) return ["No pair is followed."];
  if (!shown) return [`Held-out pair ${pair + 1} is followed`, "Will the model come to agree with the label?"];
  const from = reel.differences[0][pair];
  return [
    `Held-out pair ${pair + 1}: difference ${signed(d)} nats at step ${reel.steps[at]}`,
    `${signed(from)} before training · P(chosen is preferred) ${preferenceProbability(d).toFixed(3)}`,
  ];
}
