// The same pairs under two models, each difference divided by the scale of its model, and where the two disagree.
import { legend, signed } from "../charts/chart.js";
import { element, svg, update } from "../core/dom.js";
import { grid } from "../parts/grid.js";
import { byKeys, openProbe, pairCard, pick } from "../parts/pick.js";
import { guessSlider } from "../parts/predictions.js";
import { capital } from "../parts/remarks.js";
import { learnedFrom } from "../parts/terms.js";
import { scatter } from "../charts/scatter.js";
import { changeSettings, settingsOf } from "../core/settings.js";

const SHORT = 160; // characters of a text in a row of the list

export const compare = {
  name: "compare",
  title: "Two models",
  render(root, store) {
    const data = store.get("data");
    const columns = data.compare;
    const texts = data.pairs;
    const [a, b] = columns.names;
    const tied = new Set(columns.tied);
    const who = ["both agree", `only ${a} agrees`, `only ${b} agrees`, "neither agrees", "equal scores"];
    const place = (row) => quadrant(columns.difference_a[row], columns.difference_b[row]);
    const gap = (row) => Math.abs(columns.standard_a[row] - columns.standard_b[row]);
    const all = Array.from({ length: columns.n_pairs }, (_, row) => row).filter((row) => !tied.has(row));
    const apart = all.filter((row) => place(row) === 1 || place(row) === 2 || place(row) === 4).sort((p, q) => gap(q) - gap(p) || p - q);
    const shown = () => store.get("revealed");
    const number = (value) => (shown() ? signed(value) : "?");

    const corners = ["only_b", "both", "neither", "only_a"].map(() => svg("text", { class: "rx-quiet-text" }));
    const cloud = scatter({
      label: `Score differences of ${a} and of ${b}, each in units of its own scale, a mark for each pair`, height: 30,
      across: `${a}: difference in its own scale`, up: `${b}: difference in its own scale`, pick: (row) => pick(store, row), open: () => openProbe(store),
      kinds: [{ class: "rx-both", shape: "round" }, { class: "rx-a", shape: "round" }, { class: "rx-b", shape: "square" }, { class: "rx-both", shape: "round" }, { class: "rx-ink", shape: "plus" }],
      extra: corners, room: 0.08, calling: "furthest apart",
      decorate: ({ x, y, em, width }) => {
        const name = (i, right, height, text) => update(corners[i], {
          x: right ? x.range[1] : x.range[0] + 0.5 * em, y: height, "text-anchor": right ? "end" : "start", text,
        });
        const [top, bottom] = [y.range[1] + 0.9 * em, y.range[0] - 0.5 * em];
        const wide = width > 0.6 * em * (a.length + b.length + 40); // else the marks of the legend replace the names
        name(0, false, top, wide ? `only ${b} agrees` : "■ only");
        name(1, true, top, wide ? "both agree" : "● both");
        name(2, false, bottom, wide ? "neither agrees" : "● neither");
        name(3, true, bottom, wide ? `only ${a} agrees` : "● only");
      },
    });
    const list = grid({
      label: "Pairs on which the two disagree", pick: (row) => pick(store, row), open: () => openProbe(store),
      columns: [
        { title: "Prompt, chosen", class: "rx-cell-text", texts: (row) => [texts.prompt[row].slice(0, SHORT), texts.chosen[row].slice(0, SHORT)] },
        { title: "Who agrees", class: "rx-cell-who", texts: (row) => [shown() ? who[place(row)] : "?"] },
        { title: a, class: "rx-cell-number rx-cell-named", texts: (row) => [number(columns.standard_a[row])] },
        { title: b, class: "rx-cell-number rx-cell-named", texts: (row) => [number(columns.standard_b[row])] },
      ],
    });
    const words = element("p", { class: "rx-words", role: "status" });
    const look = element("p", { class: "rx-look" }, element("strong", { text: "Look for" }),
      " the corners where only one agrees: these pairs show what the other has learned differently. ",
      element("button", { type: "button", class: "rx-button", hidden: !apart.length, text: "Where they are furthest apart", onClick: () => pick(store, apart[0]) }));
    const guess = guessSlider(store, "agreement", "Your prediction of the share of pairs on which they prefer the same response");
    const counts = element("div", { class: "rx-counts" });
    const learned = [a, b].filter(learnedFrom).map((name) => element("p", { class: "rx-quiet", text: `${capital(name)} is a model that ${learnedFrom(name)}.` }));
    const card = pairCard(store);
    const only = element("input", { type: "checkbox", onChange: () => changeSettings(store, "compare", { apart: only.checked }) });
    root.append(element("div", { class: "rx-columns" },
      element("div", { class: "rx-card rx-wide" }, counts, ...learned, guess.node, words, look, ...columns.notes.map((note) => element("p", { class: "rx-note", text: note }))),
      element("div", { class: "rx-card" }, element("h3", { text: "Side by side" }), cloud.node,
        legend(["rx-a", `● only ${a} agrees`], ["rx-b", `■ only ${b} agrees`], ["rx-both", "● both or neither"], ["rx-ink", "+ equal scores"]),
        element("label", { class: "rx-choice" }, only, element("span", { text: "only where they disagree" }))),
      element("div", { class: "rx-card rx-list rx-tall" }, list.node), card.node));
    card.node.classList.add("rx-wide");

    function draw() {
      const selected = columns.n_pairs > store.get("selection") ? store.get("selection") : null;
      guess.draw();
      only.checked = Boolean(settingsOf(store, "compare", { apart: false }).apart);
      cloud.draw({
        rows: only.checked ? apart : all, selected, called: apart[0] ?? null, shown: shown(), kind: place,
        x: (row) => columns.standard_a[row], y: (row) => columns.standard_b[row], words: (row) => pairInWords(row).join(", "),
      });
      update(look, { hidden: !shown() || !all.length });
      list.draw({ rows: shown() ? apart : all, selected, none: all.length ? "The two agree and disagree with the label on the same pairs." : "" });
      const names = { both: "both agree", only_a: `only ${a} agrees`, only_b: `only ${b} agrees`, neither: "neither agrees", tie: "equal scores" };
      counts.replaceChildren(...Object.entries(names).map(([key, name]) => element("div", {},
        element("p", { class: "rx-quiet", text: name }),
        element("p", { class: "rx-figure", text: shown() ? columns.quadrants[key].toLocaleString("en") : "?" }))));
      update(words, {
        text: shown() ? columns.words
          : all.length ? `Predict: how often do ${a} and ${b} prefer the same response? And where they disagree, which of them agrees with the label more often?` : "",
      });
      card.draw(selected, ...pairInWords(selected));
    }
    function pairInWords(row) {
      if (row === null) return columns.n_pairs ? ["Pick a pair: a mark in the picture, or a row of the list.", byKeys(store)] : [""];
      if (!shown()) return [`Pair ${row + 1}: ${tied.has(row) ? "judged a tie, so there is nothing to predict" : "which of the two agrees with the label?"}`];
      const found = tied.has(row) ? "judged a tie" : who[place(row)];
      return [`Pair ${row + 1}: ${found}`, `${a} ${signed(columns.standard_a[row])} · ${b} ${signed(columns.standard_b[row])}, in units of each model's scale`];
    }
    const off = store.on(["selection", "settings", "revealed", "guess"], draw);
    draw();
    return () => { off(); cloud.close(); list.close(); };
  },
};

/** Who agrees: 0 both, 1 only a, 2 only b, 3 neither; 4 if a model gives equal scores. */
export function quadrant(a, b) {
  if (a === 0 || b === 0) return 4;
  if (a > 0) return b > 0 ? 0 : 1;
  return b > 0 ? 2 : 3;
}
