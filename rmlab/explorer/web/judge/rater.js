// What a rater sees: two responses, a key for each verdict, and what the model guessed.
//
// Each click has its own name. It is sent again under that name until an answer confirms it, so that it is counted once
// whatever the network does. Nothing else can be clicked in the meantime.
import { element, update } from "../core/dom.js";
import { pause, Refusal } from "./refusal.js";
import { newName } from "./session.js";
import { verdictButtons, verdictKeys, VERDICTS } from "./verdicts.js";
import { weightsCard } from "./weights.js";

const FIRST_PAUSE = 300; // milliseconds, doubled after each failure
const LONGEST_PAUSE = 4_000;
const KEPT = "Your click is kept here, and sent again until it arrives.";
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/**
 * Let a rater judge; returns a function that ends it. `ask`: sends a request to the desk; `known`: code, rater and session of
 * a rater who joined a class; `view`: what to show first; `keys`: nodes that receive keys; `who`: what answers, in words;
 * `news`: calls a function whenever the desk has something new to show, and returns a function that ends this.
 */
export function judging(panel, { ask, known = {}, view = null, keys = [document], who = "server", news = () => () => {} }) {
  let ended = false;
  let ticking = null;
  let ends = [];
  let session = known.session;
  let since = performance.now();
  let shownNumber = null;
  let busy = true;
  let goOn = false; // past the goal
  const progress = element("progress", { class: "rx-progress", "aria-label": "Judged" });
  const count = element("span", { role: "status" });
  const time = element("span", { class: "rx-value" });
  const said = element("p", { class: "rx-error", role: "alert", hidden: true });
  const note = element("p", { class: "rx-note", hidden: true });
  const guess = element("p", { class: "rx-words rx-two-lines", role: "status" });
  const prompt = element("p", { class: "rx-shown" });
  const left = element("p", { class: "rx-shown" });
  const right = element("p", { class: "rx-shown" });
  const buttons = verdictButtons(click);
  const side = (name, text, style) => element("section", { class: `rx-card ${style}`, "aria-label": name }, element("h2", { class: "rx-title rx-side", text: name }), text);
  const pair = element("div", { class: "rx-judge" },
    element("section", { class: "rx-card", "aria-label": "Prompt" }, element("h2", { class: "rx-title", text: "Prompt" }), prompt),
    element("div", { class: "rx-two" }, side("Left", left, "rx-a"), side("Right", right, "rx-b")),
    element("div", { class: "rx-buttons", role: "group", "aria-label": "Which is better?" }, ...buttons),
    guess);
  const end = element("div", { class: "rx-judge", hidden: true, tabindex: -1 });
  panel.replaceChildren(said, note, element("p", { class: "rx-field" }, progress, count, time), pair, end);

  function draw() {
    const { judged, goal, showing, vanished, rewarded } = view;
    const done = !showing || (judged >= goal && !goOn);
    update(progress, { max: goal, value: Math.min(judged, goal) });
    update(count, { text: judged < goal ? `${judged} of ${goal} judged` : `${judged} judged` });
    update(note, { hidden: !vanished, text: `${vanished} of your labels are of pairs that are no longer in this file. They are kept.` });
    update(guess, { text: guessWords(view) });
    const inside = panel.contains(panel.getRootNode().activeElement);
    const turned = pair.hidden !== done;
    pair.hidden = done;
    end.hidden = !done;
    if (done) {
      const more = showing ? [element("button", { type: "button", class: "rx-button", text: "Judge more", onClick: () => { goOn = true; draw(); } })] : [];
      const back = view.undo === null ? [] : [element("button", { type: "button", class: "rx-button", text: "Undo the last one", onClick: () => click("undo") })];
      end.replaceChildren(
        element("p", { class: "rx-words", role: "status", text: showing ? "You have judged as many pairs as you were asked to." : "You have judged every pair." }),
        element("p", { class: "rx-words", text: guess.textContent }),
        ...(rewarded ? [weightsCard(rewarded, "What do you reward?")] : []),
        element("div", { class: "rx-buttons" }, ...more, ...back));
    } else {
      update(prompt, { text: showing.prompt });
      update(left, { text: showing.left });
      update(right, { text: showing.right });
      VERDICTS.forEach(({ verdict }, i) => update(buttons[i], { "aria-disabled": String(verdict === "undo" && view.undo === null) }));
      if (showing.number !== shownNumber) since = performance.now();
    }
    shownNumber = done ? null : showing.number;
    if (turned && inside) (done ? end : buttons[0]).focus({ preventScroll: true }); // what had the focus is now hidden: keys must still be heard
    tick();
  }

  function tick() {
    if (view) update(time, { text: clock(view.seconds + (pair.hidden ? 0 : (performance.now() - since) / 1000)) });
  }

  function tell(words) {
    update(said, { text: words, hidden: !words });
  }

  async function again(question) { // until an answer comes, or a refusal that would be repeated
    for (let wait = FIRST_PAUSE; !ended; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
      try {
        return await question();
      } catch (failure) {
        if (failure.status && ![410, 429, 500, 503].includes(failure.status)) throw failure;
        tell(failure.status ? `${failure.message}. ${KEPT}` : `The ${who} does not answer. ${KEPT}`);
        await pause(wait);
        if (failure.status === 410) await again(rejoin);
      }
    }
    return new Promise(() => {}); // nobody is waiting any longer
  }

  async function rejoin() { // the server was restarted
    const { session: found } = await ask("join", { ...known, session });
    if (found === session) return;
    session = found; // the old session is lost, so other pairs are shown now
    throw new Refusal(409, `the ${who} was started again, and shows other pairs`);
  }

  async function alone(task) { // nothing else is taken meanwhile, and the next thing is whatever comes of it
    if (busy) return;
    busy = true;
    await task().catch((failure) => tell(`${failure.message}.`));
    busy = false;
    draw();
  }

  async function click(verdict) {
    if (busy || (verdict === "undo" && view.undo === null) || (pair.hidden && verdict !== "undo")) return;
    await alone(async () => {
      const showing = verdict === "undo" ? view.undo : view.showing.number;
      const body = { session, verdict, showing, position: view.position, key: newName(), seconds: (performance.now() - since) / 1000 };
      try {
        view = await again(() => ask("judge", body));
        tell("");
      } catch (failure) {
        tell(`${failure.message}.`);
        if (failure.status === 409 || failure.status === 422) await catchUp();
      }
    });
  }

  async function catchUp() {
    view = await again(() => ask("view", undefined, { session }));
    session = view.session; // a desk in the page begins a new session when its labels are forgotten
  }

  const learn = () => alone(catchUp); // of the same pair, unless it was judged elsewhere

  async function start() {
    view ??= await again(() => ask("join", known));
    session = view.session;
    tell("");
    busy = false;
    draw();
    ends = [verdictKeys(keys, click), news(learn)];
    ticking = setInterval(tick, 1000);
    if (ended) stop();
  }

  function stop() {
    ended = true;
    ends.forEach((one) => one());
    clearInterval(ticking);
  }

  start().catch((failure) => tell(`${failure.message}.`));
  return stop;
}

/** What the model guessed of the last click, and how well it guesses. */
export function guessWords({ guess, guessAfter, judged, guessedBy }) {
  if (!guess) return judged < guessAfter ? `Guess me: after ${guessAfter} judgements a model guesses each click before you make it.` : "Guess me: the next click is guessed.";
  const left = guess.last_left > 0.5;
  const sure = Math.round(100 * Math.max(guess.last_left, 1 - guess.last_left));
  const hit = guess.last_right === 1 ? "and so did you" : "but you chose the other";
  const expected = Math.round((100 * guess.expected_right) / guess.n);
  const who = guessedBy ?? "I";
  const last = guess.last_left === 0.5 ? "gave each side 50%, which counts as half right" : `said ${left ? "left" : "right"} with ${sure}%, ${hit}`;
  return `Guess me: before your last click ${who} ${last}. So far ${guess.n_right} of ${guess.n} right; ${guessedBy ? "it" : "I"} expected ${expected}%.`;
}
