// The dataset as a table and as pictures. No raw scores: those of different prompts do not compare.
import { calibration } from "../calibration.js";
import { legend, signed } from "../chart.js";
import { csv, download } from "../csv.js";
import { element, update } from "../dom.js";
import { grid } from "../grid.js";
import { histogram, reachOf } from "../histogram.js";
import { differenceInWords, openProbe, pairCard, pick } from "../pick.js";
import { preferenceProbability } from "../preference.js";
import { ALL_ROWS, flagsOf, groupOf, KINDS, rowsOf } from "../rows.js";
import { scatter } from "../scatter.js";
import { changeSettings, settingsOf } from "../settings.js";

const SHORT = 160; // characters of a text in a row of the table

export const pairs = {
  name: "pairs",
  title: "Pairs",
  render(root, store) {
    const columns = store.get("data").pairs;
    const change = (values) => changeSettings(store, "pairs", values);
    const choose = (row) => pick(store, row);
    const shown = () => store.get("revealed");
    const number = (value) => (shown() ? value : "?");

    const filters = controls(columns, change, () => exportRows(columns, rows));
    const count = element("p", { class: "rx-words", role: "status" });
    const summary = element("p", { class: "rx-words", role: "status" });
    const table = grid({
      label: "Pairs", pick: choose, open: () => openProbe(store),
      sort: (sort) => {
        const now = settingsOf(store, "pairs", ALL_ROWS);
        change({ sort, down: now.sort === sort ? !now.down : sort !== "pair" && sort !== "group" });
      },
      columns: [
        { title: "Pair", sort: "pair", class: "rx-cell-number rx-cell-pair", texts: (row) => [String(row + 1)] },
        { title: "Prompt, chosen", class: "rx-cell-text", texts: (row) => [columns.prompt[row].slice(0, SHORT), columns.chosen[row].slice(0, SHORT)] },
        { title: "Group", sort: "group", class: "rx-cell-group", texts: (row) => [groupOf(columns, row)] },
        { title: "Length", sort: "length", class: "rx-cell-number rx-cell-length", texts: (row) => [signed(columns.length_difference[row], 0)] },
        { title: "Difference", sort: "difference", class: "rx-cell-number rx-cell-wide", texts: (row) => [number(`${side(columns.difference[row])} ${signed(columns.difference[row])}`)] },
        { title: "Loss", sort: "disagreement", class: "rx-cell-number rx-cell-loss", texts: (row) => [number(columns.disagreement[row].toFixed(2))] },
      ],
    });
    const bars = histogram({
      label: "How many pairs have which score difference", height: 13,
      pick: (value) => { if (shown() && rows.length) choose(nearest(columns.difference, rows, value)); },
    });
    const cloud = scatter({
      label: "Score difference against length difference, a mark for each pair", height: 17,
      across: "length difference (characters)", up: "score difference (nats)", pick: choose,
      kinds: [{ class: "rx-a", shape: "round" }, { class: "rx-b", shape: "square" }, { class: "rx-ink", shape: "plus" }],
    });
    const curve = calibration({ label: "How often the model is right, against how sure it is", height: 16 });
    const card = pairCard(store);

    const pictured = (title, part, ...below) => element("div", { class: "rx-card" }, element("h3", { text: title }), part.node, ...below);
    root.append(element("div", { class: "rx-columns" },
      element("div", { class: "rx-card rx-wide" }, filters.node, count),
      element("div", { class: "rx-stack" },
        element("div", { class: "rx-card rx-list" }, table.node),
        card.node,
        element("div", { class: "rx-card" }, summary, ...columns.notes.map((note) => element("p", { class: "rx-note", text: note })))),
      element("div", { class: "rx-stack" },
        pictured("Score differences", bars),
        pictured("Against length", cloud, legend(["rx-a", "● the model agrees"], ["rx-b", "■ it disagrees"], ["rx-ink", "+ equal scores"])),
        pictured("Calibration, all pairs", curve,
          element("p", { class: "rx-quiet", text: "Below the dashed line the model is too sure. Bars are 95% intervals." })))));

    let rows = [];
    let drawn = null; // settings that `rows` are of
    const reach = reachOf(columns.difference);
    function draw() {
      const settings = settingsOf(store, "pairs", ALL_ROWS);
      const key = JSON.stringify(settings);
      if (key !== drawn) {
        rows = rowsOf(columns, settings);
        drawn = key;
        filters.draw(settings);
        update(count, { text: `${rows.length.toLocaleString("en")} of ${columns.n_pairs.toLocaleString("en")} pairs` });
      }
      const selected = columns.n_pairs > store.get("selection") ? store.get("selection") : null;
      table.draw({ rows, selected, sort: settings.sort, down: settings.down });
      bars.draw({ values: rows.map((row) => columns.difference[row]), reach, selected: selected === null ? null : columns.difference[selected], shown: shown() });
      cloud.draw({
        rows, selected, shown: shown(), x: (row) => columns.length_difference[row], y: (row) => columns.difference[row],
        kind: (row) => (columns.difference[row] > 0 ? 0 : columns.difference[row] < 0 ? 1 : 2),
      });
      curve.draw({
        bins: columns.evaluation?.calibration ?? [], shown: shown(),
        sure: selected === null ? null : preferenceProbability(Math.abs(columns.difference[selected])),
      });
      update(summary, { text: inWords(columns, rows, shown()) });
      card.draw(selected, ...pairInWords(columns, selected, shown()));
    }
    const off = store.on(["selection", "settings", "revealed"], draw);
    draw();
    return () => { off(); for (const part of [table, bars, cloud, curve]) part.close(); };
  },
};

const side = (difference) => (difference > 0 ? "●" : difference < 0 ? "■" : "+");

function controls(columns, change, exported) {
  const input = (properties) => element("input", { ...properties });
  const text = input({ type: "search", onInput: () => change({ text: text.value }) });
  const group = element("select", { onChange: () => change({ group: group.value }) },
    element("option", { value: "", text: "all groups" }),
    ...columns.groups.map((name) => element("option", { value: name, text: name })));
  const which = element("select", { onChange: () => change({ which: which.value }) },
    ...Object.entries(KINDS).map(([name, kind]) => element("option", { value: name, text: kind.title })));
  const least = input({ type: "number", class: "rx-small", "aria-label": "least length difference", placeholder: "least", onInput: () => change({ least: least.value }) });
  const most = input({ type: "number", class: "rx-small", "aria-label": "largest length difference", placeholder: "most", onInput: () => change({ most: most.value }) });
  const field = (name, ...parts) => element("label", { class: "rx-field" }, element("span", { text: name }), ...parts);
  const node = element("div", { class: "rx-controls" },
    field("Find", text), field("Show", which), columns.groups.length ? field("Group", group) : null,
    element("div", { class: "rx-field", role: "group", "aria-label": "Length difference" }, element("span", { text: "Length from" }), least, element("span", { text: "to" }), most),
    element("button", { type: "button", class: "rx-button", text: "Export CSV", onClick: exported }));
  return {
    node,
    draw(settings) {
      for (const [name, field] of Object.entries({ text, group, which, least, most })) {
        if (field.value !== String(settings[name])) field.value = settings[name];
      }
    },
  };
}

/** The row whose value is nearest to one that was clicked. */
function nearest(values, rows, wanted) {
  return rows.reduce((best, row) => (Math.abs(values[row] - wanted) < Math.abs(values[best] - wanted) ? row : best));
}

function inWords(columns, rows, shown) {
  if (!columns.n_pairs) return "";
  if (!shown) return "Predict: on how many of 100 pairs does the model agree with the human? Does it prefer longer responses? Then press Reveal.";
  const here = rows.filter((row) => columns.difference[row] > 0).length;
  const among = `Of the ${rows.length.toLocaleString("en")} pairs shown, the model agrees on ${here.toLocaleString("en")}.`;
  const found = columns.evaluation;
  if (!found) return among;
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const [low, high] = found.accuracy_interval.map(percent);
  return `${among} Of all ${found.n_pairs.toLocaleString("en")}: accuracy ${percent(found.accuracy)} (95% interval ${low} to ${high}), log loss ${found.log_loss.toFixed(3)} (a coin: 0.693).`;
}

function pairInWords(columns, row, shown) {
  if (row === null) return [columns.n_pairs ? "Pick a pair: a row of the table, or a mark in a picture." : ""];
  const group = groupOf(columns, row);
  const flags = flagsOf(columns, row);
  const lengths = `length difference ${signed(columns.length_difference[row], 0)} characters`;
  const loss = shown && `loss ${columns.disagreement[row].toFixed(3)} nats`;
  return [
    shown ? differenceInWords(row, columns.difference[row]) : `Pair ${row + 1}: does the model agree with the human?`,
    [loss, lengths, group && `group ${group}`, flags.length && `flags: ${flags.join(", ")}`].filter(Boolean).join(" · "),
  ];
}

function exportRows(columns, rows) {
  const head = ["pair", "group", "prompt", "chosen", "rejected", "score_difference", "length_difference", "loss", "flags"];
  download("pairs.csv", csv(head, rows.map((row) => [
    row + 1, groupOf(columns, row), columns.prompt[row], columns.chosen[row], columns.rejected[row],
    columns.difference[row], columns.length_difference[row], columns.disagreement[row], flagsOf(columns, row).join("; "),
  ])));
}
