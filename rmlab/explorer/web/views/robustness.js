// Changes that should not matter, a row for each, with the interval of the shift in score and the text before and after.
import { legend, signed, ticks } from "../charts/chart.js";
import { element, svg, unique, update } from "../core/dom.js";
import { change } from "../core/history.js";
import { changeSettings, settingsOf } from "../core/settings.js";
import { openProbe } from "../parts/pick.js";

const KINDS = { surface: "Keeps the meaning: the score should not move", content: "Should not raise the score, compared with a control of the same length" };
const MARKS = { fault: "●", found: "■", none: "○" }; // what was found has a filled mark

export const robustness = {
  name: "robustness",
  title: "Robustness",
  render(root, store) {
    const data = store.get("data").robustness;
    const { rows, digits } = data;
    const shown = () => store.get("revealed");
    const number = (value) => signed(value, digits);
    const ends = rows.flatMap((row) => row.interval ?? []);
    const span = 1.04 * Math.max(...ends.map(Math.abs), 1e-9);
    const place = (value) => `${(50 + (50 * value) / span).toFixed(2)}%`;
    const stem = unique("change");
    const lines = rows.map((row, i) => changeRow(row, `${stem}-${i}`, { number, place, choose: () => { choose(i); card.node.scrollIntoView({ block: "nearest" }); }, open: () => { choose(i); openProbe(store); } }));
    const list = element("div", { class: "rx-changes", role: "listbox", tabindex: 0, "aria-label": "Changes", onKeydown: press });
    for (const [kind, title] of Object.entries(KINDS)) {
      const nodes = lines.filter((_, i) => rows[i].kind === kind).map((line) => line.node);
      if (nodes.length) list.append(element("div", { role: "group", "aria-label": title }, element("h3", { class: "rx-kind", "aria-hidden": "true", text: title }), ...nodes));
    }
    const card = exampleCard(store, number);
    const words = element("p", { class: "rx-words", role: "status" });
    root.append(element("div", { class: "rx-robustness" },
      element("div", { class: "rx-card rx-wide" }, words, ...data.notes.map((note) => element("p", { class: "rx-note", text: note }))),
      element("div", { class: "rx-card" }, list, scaleRow(span, place, digits),
        legend(["", `${MARKS.fault} moves scores but should not`], ["", `${MARKS.found} found, but not a fault`], ["", `${MARKS.none} not found`])),
      card.node));

    const chosen = () => {
      const { row } = settingsOf(store, "robustness", { row: null });
      return Number.isInteger(row) && row >= 0 && row < rows.length ? row : null;
    };
    function choose(i) {
      const { example, name } = rows[i];
      const traits = {};
      if (example) {
        const ofPrompt = example.prompt !== example.prompt_before;
        const [after, other] = example.scores_after;
        Object.assign(traits, {
          prompt: example.prompt, response_a: example.after, response_b: ofPrompt ? example.other : example.before,
          scores: [after, ofPrompt ? other : example.scores_before[0]], winner: "tie",
          scores_from: ofPrompt ? `of the audit: “${name}”, the response and the other one` : `of the audit: “${name}”, A with it and B without`,
        });
      }
      changeSettings(store, "robustness", { row: i }, traits);
    }
    function press(event) {
      const at = chosen();
      const from = at ?? -1;
      const to = {
        ArrowDown: from + 1, ArrowUp: at === null ? rows.length - 1 : at - 1, Home: 0, End: rows.length - 1, PageDown: from + 10, PageUp: from - 10,
      }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        choose(Math.min(rows.length - 1, Math.max(0, to)));
        lines[chosen()].node.scrollIntoView({ block: "nearest" });
      } else if (event.key === "Enter" && at !== null) {
        event.preventDefault();
        openProbe(store);
      }
    }

    function draw() {
      const at = chosen();
      lines.forEach((line, i) => line.draw(shown(), i === at));
      update(list, { "aria-activedescendant": at === null ? null : lines[at].node.id });
      update(words, { text: shown() ? data.words : "Predict: which change moves the score most, and in which direction? Then press Reveal." });
      card.draw(at === null ? null : rows[at], shown());
    }
    const off = store.on(["settings", "revealed"], draw);
    draw();
    return off;
  },
};

/** A change with its interval; `draw(shown, selected)`. */
function changeRow(row, id, { number, place, choose, open }) {
  const kind = row.is_fault ? "fault" : row.found ? "found" : "none";
  const value = element("span", { class: "rx-change-shift" });
  const drawing = svg("svg", { "aria-hidden": "true", class: "rx-change-line" },
    svg("line", { class: "rx-zero", x1: "50%", x2: "50%", y1: "0", y2: "100%" }));
  const marks = svg("g");
  if (row.interval) {
    const [low, high] = row.interval;
    const [x, y] = [place(row.mean), "50%"];
    marks.append(
      svg("line", { class: `rx-change-span rx-is-${kind}`, x1: place(low), x2: place(high), y1: y, y2: y }),
      kind === "found"
        ? svg("rect", { class: "rx-change-mark", x, y, width: "0.76em", height: "0.76em", transform: "translate(-5.5 -5.5)" })
        : svg("circle", { class: `rx-change-mark rx-is-${kind}`, cx: x, cy: y, r: "0.42em" }));
  }
  drawing.append(marks);
  const node = element("div", { class: "rx-change", role: "option", id, onClick: choose, onDblclick: open },
    element("span", { class: "rx-change-name", dir: "auto", text: row.name }), drawing, value);
  const said = row.mean === null ? "not tested" : number(row.mean);
  return {
    node,
    draw(shown, selected) {
      update(value, { text: row.mean === null ? "not tested" : shown ? `${said} ${MARKS[kind]}` : "?" });
      update(marks, { visibility: shown ? null : "hidden" });
      const words = row.mean === null ? "not tested" : `shift ${said} nats, ${row.verdict}`;
      update(node, { "aria-selected": String(selected), "aria-label": shown ? `${row.name}: ${words}` : row.name });
    },
  };
}

/** The numbers below the rows. */
function scaleRow(span, place, digits) {
  const marks = ticks([-span, span], 4).map((value) => svg("text", { x: place(value), y: "1em", "text-anchor": "middle", class: "rx-quiet-text", text: signed(Number(value.toPrecision(6)), Math.min(digits, span < 0.1 ? digits : 1)) }));
  return element("div", { class: "rx-change rx-change-scale", "aria-hidden": "true" },
    element("span", { class: "rx-quiet", text: "shift of the score, nats" }), svg("svg", { class: "rx-change-line" }, ...marks), element("span", { class: "rx-change-shift" }));
}

/** The card of a change: its figures, and the shortest text that shows it, with what it adds and removes marked. */
function exampleCard(store, number) {
  const title = element("strong", { dir: "auto" });
  const reason = element("span", { dir: "auto" });
  const figures = element("p", { class: "rx-quiet" });
  const part = (name, side) => {
    const text = element("p", { dir: "auto", tabindex: 0, role: "group", "aria-label": name });
    const head = element("h3", { text: name });
    return { head, text, node: element("div", { class: `rx-pair-text ${side}` }, head, text) };
  };
  const prompt = part("Prompt", "");
  const after = part("With the change", "rx-a");
  const before = part("Without it", "rx-b");
  const opener = element("button", { type: "button", class: "rx-button", text: "Open in the probe", onClick: () => openProbe(store) });
  const body = element("div", { class: "rx-pair-texts" }, prompt.node, after.node, before.node);
  const node = element("div", { class: "rx-card rx-pair" },
    element("p", { class: "rx-pair-line", role: "status" }, title, reason), figures, body,
    store.get("views").includes("probe") ? opener : null);
  return {
    node,
    draw(row, shown) {
      const example = row?.example ?? null;
      update(title, { text: row ? row.name : "Pick a change" });
      update(reason, { text: row ? `${row.reason} Source: ${row.source}.` : "Click a change, or use the arrow keys in the list, to see the shortest text whose score it moves. Enter opens that text in the probe." });
      update(figures, { text: row ? figuresInWords(row, shown, number) : "" });
      update(body, { hidden: !example });
      update(opener, { hidden: !example });
      if (!example) return;
      const ofPrompt = example.prompt !== example.prompt_before;
      update(prompt.head, { text: ofPrompt ? "Response" : "Prompt" });
      update(prompt.text, { text: ofPrompt ? example.after : example.prompt });
      const [with_, without] = ofPrompt ? [example.prompt, example.prompt_before] : [example.after, example.before];
      const scores = (pair) => (ofPrompt ? pair[0] - pair[1] : pair[0]);
      const what = ofPrompt ? "difference" : "score";
      const said = (name, pair) => `${name}: ${what} ${shown ? number(scores(pair)) : "?"}`;
      update(after.head, { text: said(ofPrompt ? "● Prompt with the change" : "● With the change", example.scores_after) });
      update(before.head, { text: said(ofPrompt ? "■ Prompt without it" : "■ Without it", example.scores_before) });
      marked(after.text, change(without, with_), with_, "ins");
      marked(before.text, change(with_, without), without, "del");
    },
  };
}

/** Show a text, with the part that differs in its own element. */
function marked(node, difference, text, name) {
  if (!difference) return node.replaceChildren(text);
  const end = difference.at + difference.added.length;
  return node.replaceChildren(text.slice(0, difference.at), element(name, { text: difference.added }), text.slice(end));
}

function figuresInWords(row, shown, number) {
  const applied = `It applied to ${row.n_changed} of ${row.n_pairs} pairs.`;
  if (row.mean === null) return `${applied} At least two prompts are needed.`;
  if (!shown) return applied;
  const [low, high] = row.interval;
  return `Mean shift ${number(row.mean)} nats (95%: ${number(low)} to ${number(high)}), q ${row.q_value < 0.001 ? "below 0.001" : row.q_value.toFixed(3)}; `
    + `${(100 * row.flips).toFixed(0)}% of preferences flip; four of five such samples would have shown a shift of ${number(row.least_effect).replace("+", "")}. ${applied}`;
}
