// Which pairs the table shows, and in which order. `columns` are those of rmlab/explorer/pair_columns.py.

export const ALL_ROWS = { sort: "disagreement", down: true, text: "", group: "", which: "all", least: "", most: "" };

/** Columns that show what the model does; rows are not sorted by them while a class predicts. */
export const MODELS = ["disagreement", "difference"];

/** The settings without what would give the model's answers away. */
export function unanswered(settings) {
  const sorted = MODELS.includes(settings.sort) ? { sort: "pair", down: false } : {};
  return { ...settings, ...sorted, which: "all" };
}

const ties = new WeakMap(); // columns -> rows that were judged a tie

/** Whether the raters preferred neither response of a pair. */
export function isTied(columns, row) {
  if (!ties.has(columns)) ties.set(columns, new Set(columns.flags?.tied));
  return ties.get(columns).has(row);
}

/**
 * How a model compares with a label: it "agrees", it "disagrees", or it gives "equal" scores. If the pair was judged a tie
 * ("tied") there is no preference to agree with, whatever the scores: the one rule for judged ties.
 */
export function verdictOf(difference, tied = false) {
  if (tied) return "tied";
  return difference > 0 ? "agrees" : difference < 0 ? "disagrees" : "equal";
}

/** The verdict on a pair of the columns. */
export const verdictOn = (columns, row) => verdictOf(columns.difference[row], isTied(columns, row));

/** Kinds of pairs; `judged`: chosen by whether the model is right, so that their share of right answers means nothing. */
export const KINDS = {
  all: { title: "all pairs" },
  disagrees: { title: "the model disagrees", judged: true, keep: (columns, row) => verdictOn(columns, row) === "disagrees" },
  agrees: { title: "the model agrees", judged: true, keep: (columns, row) => verdictOn(columns, row) === "agrees" },
  equal: { title: "equal scores", judged: true, keep: (columns, row) => verdictOn(columns, row) === "equal" },
  tied: { title: "judged a tie", keep: isTied },
  flagged: { title: "with a flag", keep: (columns, row) => flagsOf(columns, row).length > 0 },
};

const prepared = new WeakMap(); // columns -> what is made of them once

function prepare(columns) {
  if (!prepared.has(columns)) {
    const flags = new Map();
    for (const [name, rows] of Object.entries(columns.flags)) {
      for (const row of rows) flags.set(row, [...(flags.get(row) ?? []), name]);
    }
    const texts = columns.prompt.map((prompt, row) =>
      `${prompt}\n${columns.chosen[row]}\n${columns.rejected[row]}`.toLowerCase());
    prepared.set(columns, { flags, texts });
  }
  return prepared.get(columns);
}

/** Names of the flags that a pair carries. */
export function flagsOf(columns, row) {
  return prepare(columns).flags.get(row) ?? [];
}

/** The texts of a pair, by their columns, of which the page has only the beginning. */
export function cutTexts(columns, row) {
  return Object.entries(columns.whole ?? {}).filter(([, sums]) => row in sums).map(([side]) => side);
}

/** Name of the group of a pair, or nothing. */
export function groupOf(columns, row) {
  return columns.groups[columns.group[row]] ?? "";
}

/** Rows that pass the filters, in the order asked for; equal ones stay in the order of the data. */
export function rowsOf(columns, { sort, down, text, group, which, least, most }) {
  const { texts } = prepare(columns);
  const needle = String(text).trim().toLowerCase();
  const code = group === "" ? null : columns.groups.indexOf(group);
  const keep = KINDS[which]?.keep ?? (() => true);
  const low = least === "" ? -Infinity : Number(least);
  const high = most === "" ? Infinity : Number(most);
  const rows = [];
  for (let row = 0; row < columns.n_pairs; row += 1) {
    const length = columns.length_difference[row];
    if (length < low || length > high || (code !== null && columns.group[row] !== code)) continue;
    if (!keep(columns, row) || (needle && !texts[row].includes(needle))) continue;
    rows.push(row);
  }
  const by = {
    disagreement: (row) => columns.disagreement[row], difference: (row) => columns.difference[row],
    length: (row) => columns.length_difference[row], group: (row) => columns.group[row],
  }[sort] ?? ((row) => row);
  const key = Float64Array.from({ length: columns.n_pairs }, (_, row) => by(row));
  const sign = down ? -1 : 1;
  return rows.sort((a, b) => sign * (key[a] - key[b]) || a - b);
}
