// A question of a notebook: the reader predicts, reveals the answer, and sees the gap between the two.
import { axis, decimals, line, picture, scale, shownIf } from "../charts/chart.js";
import { element, svg, unique, update } from "../core/dom.js";

/** The kind "prediction" of the controls. */
export function prediction(store) {
  const options = store.get("names");
  const choose = (value) => { if (!store.get("revealed")) store.set({ value }); };
  const given = options.length ? radios(store, options, choose) : slider(store, choose);
  const reveal = element("button", { type: "button", class: "rx-button", text: "Reveal", onClick: () => store.set({ revealed: true }) });
  const gap = options.length ? null : gapPicture();
  const words = element("p", { class: "rx-words", role: "status" });
  const question = element("p", { class: "rx-words rx-question", id: unique("question") });
  return {
    node: element("div", { class: "rx-card rx-asked", role: "group", "aria-labelledby": question.id }, question,
      element("div", { class: "rx-controls" }, given.node, reveal), gap?.node ?? null, words),
    names: ["value", "revealed", "truth", "words"],
    draw({ lost }) {
      const said = store.get("value");
      const revealed = store.get("revealed");
      update(question, { text: store.get("label") });
      given.draw({ lost, said, revealed });
      update(reveal, { disabled: Boolean(lost) || revealed || said === null });
      const next = said === null ? "Make your prediction." : "Noted. Press Reveal to see the answer.";
      update(words, { text: lost || store.get("words") || next });
      if (gap) {
        update(gap.node, { class: `rx-gap-picture${revealed ? "" : " rx-none"}` });
        gap.draw({ said, truth: store.get("truth"), low: store.get("low"), high: store.get("high") });
      }
    },
    close: () => gap?.close(),
  };
}

function radios(store, options, choose) {
  const group = unique("asked");
  const inputs = options.map((_, i) => element("input", { type: "radio", name: group, onChange: () => choose(i) }));
  const labels = inputs.map((input, i) => element("label", { class: "rx-choice" }, input, element("span", { text: options[i] })));
  return {
    node: element("div", { class: "rx-choices", role: "radiogroup", "aria-label": "Your prediction" }, ...labels),
    draw({ lost, said, revealed }) {
      inputs.forEach((input, i) => {
        input.checked = i === said;
        update(input, { disabled: Boolean(lost) || (revealed && i !== said) }); // the chosen option keeps the focus
        update(labels[i], { class: `rx-choice${revealed && i === store.get("truth") ? " rx-right" : ""}` });
      });
    },
  };
}

function slider(store, choose) {
  const input = element("input", { type: "range", class: "rx-long", id: unique("range"), "aria-label": "Your prediction", onInput: () => choose(Number(input.value)) });
  const shown = element("output", { class: "rx-value", for: input.id });
  const ends = ["low", "high"].map(() => element("span", { class: "rx-end" }));
  return {
    node: element("div", { class: "rx-field" }, ends[0], input, ends[1], shown),
    draw({ lost, said, revealed }) {
      const [low, high, step] = ["low", "high", "step"].map((name) => store.get(name));
      update(input, { min: low, max: high, step, disabled: Boolean(lost) || revealed });
      ends.forEach((end, i) => update(end, { text: String([low, high][i]).replace("-", "−") }));
      input.value = said ?? (low + high) / 2;
      const words = said === null ? "no prediction yet" : said.toFixed(decimals(step)).replace("-", "−");
      update(input, { "aria-valuetext": words });
      update(shown, { text: said === null ? "?" : words });
    },
  };
}

/** Where on the scale the prediction and the answer are, and the gap between them. */
function gapPicture() {
  const across = axis("bottom", { label: "", count: 6 });
  const gap = svg("path", { class: "rx-gap" });
  const said = svg("circle", { class: "rx-point", r: "0.47em" });
  const truth = svg("circle", { class: "rx-point", r: "0.47em" });
  const names = ["you", "answer"].map((text, i) => svg("text", { class: `rx-strong${i ? "" : " rx-said-text"}`, "text-anchor": "middle", text }));
  return picture({ height: 4.6, label: "Your prediction and the answer" }, [across.node, gap, svg("g", { class: "rx-ghost" }, said), truth, ...names],
    ({ width, em }, now) => {
      const x = scale([now.low, now.high], [1.5 * em, Math.min(width, 44 * em) - 1.5 * em]);
      const y = 2.4 * em;
      const shown = now.said !== null && now.truth !== null;
      across.update(x, y, em);
      update(gap, { d: shown ? line([[x(now.said), y], [x(now.truth), y]]) : "" });
      [[said, names[0], now.said, 0], [truth, names[1], now.truth, 1]].forEach(([dot, name, value, i]) => {
        update(dot, { cx: x(value ?? 0), cy: y, visibility: shownIf(value !== null && now.truth !== null) });
        const close = shown && Math.abs(x(now.said) - x(now.truth)) < 4 * em;
        const aside = close ? (Math.sign(now.said - now.truth) || -1) * (i ? -2 : 2) * em : 0;
        update(name, { x: x(value ?? 0) + aside, y: 1.2 * em, visibility: shownIf(value !== null && now.truth !== null) });
      });
    });
}
