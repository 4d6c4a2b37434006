// The menu of examples, which keeps the name of an example that is edited, and the recorded scores of the course's models.
import { signed } from "../charts/chart.js";
import { element, update } from "../core/dom.js";
import { applied, find, PICKED, TEXTS } from "../core/history.js";
import { preferenceProbability } from "../core/preference.js";

const examplesOf = (store) => store.get("data").probe?.presets ?? [];

/** The example whose texts are shown, if they are those of one. */
export const exampleShown = (store) => examplesOf(store).find(({ state }) => TEXTS.every((name) => state[name] === store.get(name)));

/**
 * The index of the example from which the texts of an entry were edited, or -1: the last one on the way there, unless
 * something else was picked since.
 */
export function begunAs(history, here, presets) {
  const way = [];
  for (let entry = find(history, here); entry; entry = find(history, entry.parent)) way.unshift(entry);
  const texts = Object.fromEntries(TEXTS.map((name) => [name, ""]));
  let begun = -1;
  for (const entry of way) {
    for (const change of entry.changes) texts[change.text] = applied(texts[change.text], change);
    const at = presets.findIndex(({ state }) => TEXTS.every((name) => state[name] === texts[name]));
    if (at >= 0) begun = at;
    else if (PICKED.test(entry.what)) begun = -1;
  }
  return begun;
}

/** The menu: `draw()`. choose(preset) is called for the one that is chosen. */
export function exampleMenu(store, choose) {
  const presets = examplesOf(store);
  const themes = [...new Set(presets.map((preset) => preset.theme))];
  const select = element("select", { onChange: () => { if (select.value !== "") choose(presets[Number(select.value)]); } });
  const first = element("option", { value: "" });
  select.append(first, ...themes.map((theme) => element("optgroup", { label: theme },
    ...presets.map((preset, i) => [preset, i]).filter(([preset]) => preset.theme === theme)
      .map(([preset, i]) => element("option", { value: i, text: preset.name })))));
  return {
    node: element("label", { class: "rx-field", hidden: !presets.length }, element("span", { text: "Example" }), select),
    draw() {
      const at = presets.indexOf(exampleShown(store));
      const begun = at < 0 ? begunAs(store.get("history"), store.get("here"), presets) : at;
      update(first, { text: at < 0 && begun >= 0 ? `${presets[begun].name} (edited)` : "Choose an example" });
      select.value = at < 0 ? "" : at;
    },
  };
}

/** The recorded scores of both course models for the example that is shown. */
export function recordedTable(store) {
  const body = element("tbody");
  const title = element("caption");
  const node = element("div", { class: "rx-card" }, element("table", { class: "rx-numbers-table" }, title,
    element("thead", {}, element("tr", {}, element("td"),
      ...["A", "B", "A − B", "P(A)"].map((text) => element("th", { scope: "col", text })))), body));
  return {
    node,
    draw() {
      const recorded = exampleShown(store)?.recorded ?? [];
      update(node, { hidden: !recorded.length });
      update(title, { text: "Recorded for this example, of the course's two models" });
      body.replaceChildren(...recorded.map(([model, a, b]) => {
        const figures = [signed(a), signed(b), signed(a - b), preferenceProbability((a - b) / store.get("temperature")).toFixed(3)];
        return element("tr", {}, element("th", { scope: "row", text: model }),
          ...figures.map((text) => element("td", { text: store.get("revealed") ? text : "?" })));
      }));
    },
  };
}
