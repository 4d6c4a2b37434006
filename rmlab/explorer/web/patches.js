// A session of grey patches. The kernel decides what is shown and which answers are possible. An answer carries the number
// of its screen, so that a second click on one screen is not taken for an answer to the next.
import { element, update } from "./core/dom.js";
import { keepKeys } from "./core/keep_keys.js";

const CALLED = ["no patch", "one grey patch", "two grey patches side by side"];

/** What anywidget calls. `choices` are [text, value, key]: each has a button, and a key that does the same. */
export function render({ model, el }) {
  const screen = element("div", { class: "rx-patches", role: "group", tabindex: 0 });
  const line = element("p", { class: "rx-words", role: "status" });
  const buttons = element("div", { class: "rx-buttons rx-answers", role: "group", "aria-label": "Answers" });
  const say = (value) => model.send({ screen: model.get("screen"), value });
  el.classList.add("rx");
  el.replaceChildren(screen, line, buttons);
  const release = keepKeys(el);

  function press(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const choice = model.get("choices").find(([, , key]) => key === event.key);
    if (!choice) return;
    event.preventDefault();
    say(choice[1]);
  }
  el.addEventListener("keydown", press);

  let offered = "";
  function draw() {
    const greys = model.get("greys");
    update(screen, { "aria-label": CALLED[greys.length] });
    screen.replaceChildren(...greys.map((grey) =>
      element("div", { class: "rx-patch", style: `background: rgb(${grey}, ${grey}, ${grey})` })));
    update(line, { text: model.get("line") });
    const choices = model.get("choices");
    const wanted = JSON.stringify(choices);
    if (wanted === offered) return; // the buttons have not changed: the focus stays on the one that was pressed
    const inside = el.contains(el.getRootNode().activeElement);
    buttons.replaceChildren(...choices.map(([text, value]) =>
      element("button", { type: "button", class: "rx-button", text, onClick: () => say(value) })));
    if (inside && offered) screen.focus({ preventScroll: true }); // its button is gone; this keeps receiving the keys
    offered = wanted;
  }
  model.on("change:screen", draw);
  draw();
  return () => {
    model.off("change:screen", draw);
    el.removeEventListener("keydown", press);
    release();
  };
}
