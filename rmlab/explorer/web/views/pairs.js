// The dataset as a table and as pictures. Raw scores are not shown: those of different prompts cannot be compared.
import { calibrationOf } from "../charts/bins.js";
import { binInWords, binOf, calibration } from "../charts/calibration.js";
import { legend, signed } from "../charts/chart.js";
import { csv, download } from "../core/csv.js";
import { element, update } from "../core/dom.js";
import { grid } from "../parts/grid.js";
import { histogram, reachOf } from "../charts/histogram.js";
import { byKeys, differenceInWords, openProbe, pairCard, pick } from "../parts/pick.js";
import { guessing } from "../core/predictions.js";
import { preferenceProbability } from "../core/preference.js";
import { ALL_ROWS, cutTexts, flagsOf, groupOf, isTied, KINDS, MODELS, rowsOf, unanswered, verdictOn } from "../core/rows.js";
import { scatter } from "../charts/scatter.js";
import { changeSettings, settingsOf } from "../core/settings.js";

const NONE = "No pair passes these filters. Clear one of them to see pairs.";
const MARKS = { agrees: "●", disagrees: "■", equal: "+", tied: "×" };
const VERDICTS = Object.keys(MARKS); // in the order of the kinds of marks in the cloud
const SHORT = 160; // characters of a text in a row of the table

export const pairs = {
  name: "pairs",
  title: "Pairs",
  render(root, store) {
    const columns = store.get("data").pairs;
    const change = (values) => changeSettings(store, "pairs", values);
    const choose = (row) => pick(store, row, guessing(store, "pair", row));
    const open = () => openProbe(store);
    const shown = () => store.get("revealed");
    const number = (value) => (shown() ? value : "?");

    const filters = controls(columns, change, () => exportRows(columns, rows));
    const look = lookFor(choose);
    const count = element("p", { class: "rx-words", role: "status" });
    const summary = element("p", { class: "rx-words", role: "status" });
    const table = grid({
      label: "Pairs", pick: choose, open,
      sort: (sort) => {
        const now = settingsOf(store, "pairs", ALL_ROWS);
        change({ sort, down: now.sort === sort ? !now.down : sort !== "pair" && sort !== "group" });
      },
      columns: [
        { title: "Pair", sort: "pair", class: "rx-cell-number rx-cell-pair", texts: (row) => [String(row + 1)] },
        { title: "Prompt, chosen", class: "rx-cell-text", texts: (row) => [columns.prompt[row].slice(0, SHORT), columns.chosen[row].slice(0, SHORT)] },
        { title: "Group", sort: "group", class: "rx-cell-group", texts: (row) => [groupOf(columns, row)] },
        { title: "Length", sort: "length", class: "rx-cell-number rx-cell-length", texts: (row) => [signed(columns.length_difference[row], 0)] },
        { title: "Difference", sort: "difference", class: "rx-cell-number rx-cell-wide", texts: (row) => [number(`${MARKS[verdictOn(columns, row)]} ${signed(columns.difference[row])}`)] },
        { title: "Loss", sort: "disagreement", class: "rx-cell-number rx-cell-loss", texts: (row) => [number(columns.disagreement[row].toFixed(2))] },
      ],
    });
    const bars = histogram({
      label: "How many pairs have which score difference", height: 13, open,
      pick: (value) => { if (shown() && rows.length) choose(nearest(rows, (row) => columns.difference[row], value)); },
    });
    const cloud = scatter({
      label: "Score difference against length difference, a mark for each pair", height: 17,
      across: "length difference (characters)", up: "score difference (nats)", pick: choose, open, calling: "its worst mistake",
      kinds: [{ class: "rx-a", shape: "round" }, { class: "rx-b", shape: "square" }, { class: "rx-ink", shape: "plus" }, { class: "rx-tied", shape: "cross" }],
    });
    const sureOf = (row) => preferenceProbability(Math.abs(columns.difference[row]));
    const curve = calibration({
      label: "How often the model is right, against how sure it is", height: 16, open,
      pick: (bin) => {
        const inside = (row) => !isTied(columns, row) && binOf([bin], sureOf(row));
        const found = [rows.filter(inside), columns.prompt.map((_, row) => row).filter(inside)].find((some) => some.length);
        if (found) choose(nearest(found, sureOf, bin.mean_probability));
      },
    });
    const bin = element("p", { class: "rx-quiet" });
    const binned = element("h3");
    const whole = element("p", { class: "rx-quiet", text: "“Show” does not filter this picture, because it picks pairs by whether the model is right." });
    const card = pairCard(store);

    const anyTied = columns.prompt.some((_, row) => isTied(columns, row));
    let pictures = null;
    const pictured = (title, part, ...below) => element("div", { class: "rx-card" }, element("h3", { text: title }), part.node, ...below);
    root.append(element("div", { class: "rx-columns rx-table-first" },
      element("div", { class: "rx-card rx-wide" }, filters.node, count, look.node),
      element("div", { class: "rx-stack" },
        element("div", { class: "rx-card rx-list" }, table.node),
        card.node,
        element("div", { class: "rx-card" }, summary, ...[...columns.notes, columns.text_note].filter(Boolean).map((note) => element("p", { class: "rx-note", text: note })))),
      pictures = element("div", { class: "rx-stack" },
        pictured("Score differences", bars, ...(anyTied ? [legend(["rx-tied", "grey, on top: judged a tie"])] : [])),
        pictured("Against length", cloud, legend(["rx-a", "● the model agrees"], ["rx-b", "■ it disagrees"], ["rx-ink", "+ equal scores"],
          ...(anyTied ? [["rx-tied", "× judged a tie"]] : []))),
        element("div", { class: "rx-card" }, binned, curve.node,
          element("p", { class: "rx-quiet", text: "Below the dashed line the model is too sure. Bars are 95% intervals." }), bin, whole))));

    const nothing = columns.n_pairs ? ["Pick a pair: a row of the table, or a mark in a picture.", byKeys(store)] : [""];
    let rows = [];
    let bins = []; // of the calibration of `rows`
    let worst = null; // of `rows`, the wrong one about which the model is surest
    let drawn = null; // the settings that they were made for
    const reach = reachOf(columns.difference);
    function draw() {
      const asked = settingsOf(store, "pairs", ALL_ROWS);
      const settings = shown() ? asked : unanswered(asked);
      const key = JSON.stringify([settings, shown()]);
      if (key !== drawn) {
        rows = rowsOf(columns, settings);
        drawn = key;
        const judged = KINDS[settings.which]?.judged ?? false;
        const among = judged ? rowsOf(columns, { ...settings, which: "all" }) : rows;
        bins = among.length === columns.n_pairs ? columns.evaluation?.calibration ?? [] : calibrationOf(columns, among);
        const n = bins.reduce((sum, each) => sum + each.count, 0);
        update(binned, { text: `Calibration, ${n.toLocaleString("en")} ${n === 1 ? "pair" : "pairs"}` });
        update(whole, { hidden: !judged });
        worst = worstOf(columns, rows);
        update(pictures, { hidden: columns.n_pairs > 0 && !rows.length });
        filters.draw(settings, shown());
        update(count, { text: `${rows.length.toLocaleString("en")} of ${columns.n_pairs.toLocaleString("en")} pairs` });
      }
      const selected = columns.n_pairs > store.get("selection") ? store.get("selection") : null;
      table.draw({ rows, selected, sort: settings.sort, down: settings.down, still: shown() ? [] : MODELS, none: columns.n_pairs ? NONE : "" });
      look.draw(shown() ? worst : null, worst === null ? 0 : columns.difference[worst], shown() && rows.length > 0);
      const differences = (tied) => rows.filter((row) => isTied(columns, row) === tied).map((row) => columns.difference[row]);
      bars.draw({
        values: differences(false), tied: differences(true), reach, selected: selected === null ? null : columns.difference[selected], shown: shown(),
      });
      cloud.draw({
        rows, selected, called: worst, shown: shown(), x: (row) => columns.length_difference[row], y: (row) => columns.difference[row],
        kind: (row) => VERDICTS.indexOf(verdictOn(columns, row)),
        words: (row) => `${differenceInWords(row, columns.difference[row], isTied(columns, row))}, ${lengthInWords(columns, row)}`,
      });
      const sure = selected === null || isTied(columns, selected) ? null : sureOf(selected); // a judged tie is in no bin
      const here = shown() ? binOf(bins, sure) : undefined;
      curve.draw({ bins, shown: shown(), sure, none: rows.length ? undefined : "no pairs" });
      update(bin, { text: here ? `▴ ${binInWords(here)}` : "", hidden: !here });
      update(summary, { text: inWords(columns, rows, shown()) });
      card.draw(selected, ...(selected === null ? nothing : pairInWords(columns, selected, shown())));
    }
    const off = store.on(["selection", "settings", "revealed"], draw);
    draw();
    return () => { off(); for (const part of [table, bars, cloud, curve]) part.close(); };
  },
};

/** The row on which the model is wrong and most sure, ties aside; null if it is wrong on none. */
export function worstOf(columns, rows) {
  return rows.reduce((worst, row) => {
    if (verdictOn(columns, row) !== "disagrees") return worst;
    return worst === null || columns.difference[row] < columns.difference[worst] ? row : worst;
  }, null);
}

/** A line on what to look for, with the worst mistake to open: `draw(row, difference, shown)`. */
function lookFor(choose) {
  let worst = null;
  const button = element("button", { type: "button", class: "rx-button", onClick: () => choose(worst) });
  const node = element("p", { class: "rx-look" },
    element("strong", { text: "Look for" }), " pairs on which the model is sure but wrong: far left in the bars, low in the cloud. ", button);
  return {
    node,
    draw(row, difference, shown) {
      worst = row;
      update(node, { hidden: !shown });
      update(button, { hidden: row === null, text: row === null ? "" : `Its worst mistake: ${signed(difference)}` });
    },
  };
}

function controls(columns, change, exported) {
  const input = (properties) => element("input", { ...properties });
  const text = input({ type: "search", onInput: () => change({ text: text.value }) });
  const group = element("select", { onChange: () => change({ group: group.value }) },
    element("option", { value: "", text: "all groups" }),
    ...columns.groups.map((name) => element("option", { value: name, text: name })));
  const which = element("select", { onChange: () => change({ which: which.value }) },
    ...Object.entries(KINDS).map(([name, kind]) => element("option", { value: name, text: kind.title })));
  const least = input({ type: "number", class: "rx-small", "aria-label": "smallest length difference", placeholder: "least", onInput: () => change({ least: least.value }) });
  const most = input({ type: "number", class: "rx-small", "aria-label": "largest length difference", placeholder: "most", onInput: () => change({ most: most.value }) });
  const field = (name, ...parts) => element("label", { class: "rx-field" }, element("span", { text: name }), ...parts);
  const node = element("div", { class: "rx-controls" },
    field("Find", text), field("Show", which), columns.groups.length ? field("Group", group) : null,
    element("div", { class: "rx-field", role: "group", "aria-label": "Length difference" }, element("span", { text: "Length from" }), least, element("span", { text: "to" }), most),
    element("button", { type: "button", class: "rx-button", text: "Export CSV", onClick: exported }));
  return {
    node,
    draw(settings, shown) {
      update(which, { disabled: !shown });
      for (const [name, field] of Object.entries({ text, group, which, least, most })) {
        if (field.value !== String(settings[name])) field.value = settings[name];
      }
    },
  };
}

/** The row whose value is nearest to the one that was picked. */
function nearest(rows, of, wanted) {
  return rows.reduce((best, row) => (Math.abs(of(row) - wanted) < Math.abs(of(best) - wanted) ? row : best));
}

const lengthInWords = (columns, row) => `length difference ${signed(columns.length_difference[row], 0)} characters`;

/** On how many of the rows the model agrees with the label; judged ties are counted separately. */
export function agreedInWords(columns, rows) {
  const [n, ties, agreed] = [() => true, (row) => isTied(columns, row), (row) => verdictOn(columns, row) === "agrees"].map((keep) => rows.filter(keep).length);
  const number = (count) => count.toLocaleString("en");
  const shown = `Of the ${number(n)} ${n === 1 ? "pair" : "pairs"} shown,`;
  if (!ties) return `${shown} the model agrees on ${number(agreed)}.`;
  const judged = `${shown} ${number(ties)} ${ties === 1 ? "was" : "were"} judged a tie.`;
  return ties === n ? judged : `${judged} Of the other ${number(n - ties)}, the model agrees on ${number(agreed)}.`;
}

function inWords(columns, rows, shown) {
  if (!columns.n_pairs || (shown && !rows.length)) return "";
  if (!shown) return "Predict: on how many of 100 pairs does the model agree with the label? Does it prefer longer responses? Then press Reveal.";
  const among = agreedInWords(columns, rows);
  const found = columns.evaluation;
  if (!found) return among;
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const [low, high] = found.accuracy_interval.map(percent);
  const which = found.n_pairs < columns.n_pairs ? " that were not judged a tie" : "";
  return `${among} Of all ${found.n_pairs.toLocaleString("en")}${which}: accuracy ${percent(found.accuracy)} (95% interval ${low} to ${high}), log loss ${found.log_loss.toFixed(3)} (a coin: 0.693).`;
}

function pairInWords(columns, row, shown) {
  const group = groupOf(columns, row);
  const flags = flagsOf(columns, row);
  const loss = shown && `loss ${columns.disagreement[row].toFixed(3)} nats`;
  const tied = isTied(columns, row);
  const asked = tied ? "judged a tie, so there is nothing to predict" : "does the model agree with the label?";
  return [
    shown ? differenceInWords(row, columns.difference[row], tied) : `Pair ${row + 1}: ${asked}`,
    [loss, lengthInWords(columns, row), group && `group ${group}`, flags.length && `flags: ${flags.join(", ")}`].filter(Boolean).join(" · "),
  ];
}

function exportRows(columns, rows) {
  const head = ["pair", "group", "prompt", "chosen", "rejected", "score_difference", "length_difference", "loss", "flags", "cut_texts"];
  download("pairs.csv", csv(head, rows.map((row) => [
    row + 1, groupOf(columns, row), columns.prompt[row], columns.chosen[row], columns.rejected[row],
    columns.difference[row], columns.length_difference[row], columns.disagreement[row], flagsOf(columns, row).join("; "),
    cutTexts(columns, row).join("; "),
  ])));
}
