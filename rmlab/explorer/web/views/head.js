// What a head makes of the last hidden vector: thousands of numbers for the next token, or one for the whole text.
import { axis, inside, line, picture, scale, signed } from "../charts/chart.js";
import { element, svg, unique, update } from "../core/dom.js";
import { guessing, guessOf, HEADS } from "../core/predictions.js";
import { changeSettings, settingsOf } from "../core/settings.js";

export const head = {
  name: "head",
  title: "Two heads",
  render(root, store) {
    const outputs = store.get("data").head;
    const name = unique("head");
    const choices = [["vocabulary", "Vocabulary head: the next token"], ["reward", "Reward head: one number"]].map(([value, text]) => {
      const input = element("input", { type: "radio", name, value, onChange: () => changeSettings(store, "head", { head: value }) });
      return { input, label: element("label", { class: "rx-choice" }, input, element("span", { text })) };
    });
    const bars = headPicture(outputs);
    const words = element("p", { class: "rx-words rx-two-lines", role: "status" });
    const said = unique("said");
    const guesses = Object.entries(HEADS).map(([value, text]) => {
      const input = element("input", { type: "radio", name: said, value, onChange: () => store.set(guessing(store, "head", value)) });
      return { input, label: element("label", { class: "rx-choice" }, input, element("span", { text })) };
    });
    const asked = element("fieldset", {}, element("legend", { text: "Your prediction" }), element("div", { class: "rx-choices" }, ...guesses.map((each) => each.label)));
    root.append(element("div", { class: "rx-card" },
      element("fieldset", { class: "rx-controls" }, element("legend", { text: "Head" }), ...choices.map((each) => each.label)),
      bars.node, asked, words));
    function draw() {
      const { head: which } = settingsOf(store, "head", { head: "vocabulary" });
      const shown = store.get("revealed");
      for (const { input } of choices) input.checked = input.value === which;
      for (const { input } of guesses) input.checked = input.value === guessOf(store, "head");
      update(asked, { hidden: shown });
      bars.draw({ which, shown });
      update(words, { text: inWords(outputs, which, shown) });
    }
    const off = store.on(["settings", "revealed", "guess"], draw);
    draw();
    return () => { off(); bars.close(); };
  },
};

function headPicture(outputs) {
  const across = axis("bottom", { label: "", count: 6, format: (value) => value.toLocaleString("en") });
  const up = axis("left", { label: "output of the head", count: 5 });
  const thin = svg("path", { class: "rx-thin-bars" });
  const one = svg("path", { class: "rx-bars rx-a" });
  const zero = svg("path", { class: "rx-zero" });
  const names = outputs.named.map(() => svg("text", { class: "rx-strong", "text-anchor": "middle" }));
  const score = svg("text", { class: "rx-strong rx-side-a rx-large" });
  const whole = svg("text", { class: "rx-quiet-text", "text-anchor": "middle" });
  const most = 1.25 * Math.max(Math.abs(outputs.score), ...outputs.highest.map(Math.abs), ...outputs.lowest.map(Math.abs));
  return picture({ height: 19, label: "Outputs of the chosen head" },
    [up.node, across.node, thin, one, zero, ...names, score, whole],
    ({ width, height, em }, { which, shown }) => {
      const many = which === "vocabulary";
      const narrow = width < 21 * em;
      const x = scale(many ? [0, outputs.n_tokens] : [-1, 1], [3.6 * em, width - em]);
      const y = scale([-most, most], [height - 3.4 * em, 2.2 * em]);
      up.update(y, x.range[0], em);
      update(across.node, { visibility: many ? null : "hidden" });
      across.name(narrow ? "token id" : "id of the token that might come next");
      across.update(x, y.range[0], em);
      update(zero, { d: line([[x.range[0], y(0)], [x.range[1], y(0)]]) });
      const width_ = outputs.n_tokens / outputs.highest.length;
      update(thin, {
        d: many && shown ? outputs.highest.map((high, i) =>
          `M${x((i + 0.5) * width_).toFixed(1)} ${y(Math.min(0, outputs.lowest[i])).toFixed(1)}V${y(Math.max(0, high)).toFixed(1)}`).join("") : "",
      });
      const highest = Math.max(...outputs.named.map(({ output }) => output));
      names.forEach((label, i) => {
        const { id, token, output } = outputs.named[i];
        const raised = width < 40 * em ? i % 2 : 0; // neighbours would overlap
        const room = !narrow || output === highest; // else for one name
        update(label, { x: inside(x(id), 0, x, em), y: y(Math.max(0, output)) - (0.5 + 1.2 * raised) * em, text: many && shown && room ? `“${token}”` : "" });
      });
      update(one, { d: many || !shown ? "" : `M${x(-0.1)} ${y(0)}V${y(outputs.score)}H${x(0.1)}V${y(0)}Z` });
      const beyond = y(outputs.score) + (outputs.score < 0 ? 1.85 : -0.6) * em; // where the picture is narrow
      const tight = width < 30 * em;
      const middle = tight ? beyond : y(outputs.score / 2) + 0.5 * em; // else beside it, and not on the line at zero
      const clear = outputs.score < 0 ? Math.max(middle, y(0) + 1.85 * em) : Math.min(middle, y(0) - 0.6 * em);
      const figure = `${tight ? "" : "score "}${signed(outputs.score, 3)}`;
      update(score, { x: x(tight ? 0 : 0.14), y: clear, "text-anchor": tight ? "middle" : "start", text: many || !shown ? "" : figure });
      update(whole, { x: x(0), y: y.range[0] + 1.65 * em, text: many ? "" : "the whole text" });
    });
}

function inWords(outputs, which, shown) {
  const many = outputs.n_tokens.toLocaleString("en");
  if (!shown) return "Predict: how many numbers does this head give for the whole text? Then press Reveal.";
  if (which === "vocabulary") return `The vocabulary head gives ${many} numbers, one for each token that might come next. The highest are those of ${outputs.most_probable.map((token) => `“${token}”`).join(", ")}.`;
  return `The reward head gives one number for the whole text: ${signed(outputs.score, 3)}. The layers below have not changed.`;
}
