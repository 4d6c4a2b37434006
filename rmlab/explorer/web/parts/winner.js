// The winning reply with its attributes, and the share of the winners that have each attribute.
import { signed } from "../charts/chart.js";
import { element, update } from "../core/dom.js";

/** The card of one reply: `draw({ prompt, heading, text, gains, has, shown })`; `has`: [{ name, meaning, weight }]. */
export function winnerCard() {
  const heading = element("h3");
  const prompt = element("p", { class: "rx-quiet", dir: "auto" });
  const text = element("p", { class: "rx-winner-text", dir: "auto" });
  const gains = element("p", { class: "rx-words" });
  const parts = element("ul", { class: "rx-traits", "aria-label": "What the reply has, and what the true reward gives for it" });
  const node = element("div", { class: "rx-card rx-winner" }, heading, prompt, text, parts, gains);
  let drawn = "";
  return {
    node,
    draw(now) {
      update(heading, { text: now.heading });
      update(prompt, { text: now.prompt });
      update(text, { text: now.text });
      update(gains, { text: now.gains });
      const key = now.has.map((one) => one.name).join();
      if (key === drawn) return;
      drawn = key;
      parts.replaceChildren(...now.has.map(({ name, meaning, weight }) =>
        element("li", { class: weight < 0 ? "rx-costs" : "", title: meaning },
          element("span", { text: name }), element("span", { class: "rx-trait-figure", text: signed(weight, 1) }))));
    },
  };
}

/** A table of shares: `draw({ rows: [{ name, meaning, weight, start, now }], shown })`. */
export function sharesTable() {
  const body = element("tbody");
  const node = element("table", { class: "rx-shares" },
    element("caption", { class: "rx-unseen", text: "Share of the winners with each attribute, at the start and now" }),
    element("thead", {}, element("tr", {},
      element("th", { scope: "col", text: "attribute" }), element("th", { scope: "col", text: "truth" }),
      element("th", { scope: "col", text: "of the winners" }), element("th", { scope: "col", text: "start" }))),
    body);
  let made = [];
  let key = "";
  function build(rows) {
    made = rows.map(({ name, meaning, weight }) => {
      const bar = element("span", { class: "rx-share-bar" });
      const now = element("span", { class: "rx-share-now" });
      const start = element("td", { class: "rx-share-start" });
      const node = element("tr", {},
        element("th", { scope: "row", text: name, title: meaning }), element("td", { text: signed(weight, 1) }),
        element("td", { class: "rx-share-cell" }, bar, now), start);
      return { node, bar, now, start };
    });
    body.replaceChildren(...made.map((row) => row.node));
  }
  return {
    node,
    draw({ rows, shown }) {
      const names = rows.map((row) => row.name).join();
      if (names !== key) build(rows);
      key = names;
      made.forEach((row, i) => {
        const { start, now } = rows[i];
        row.bar.style.setProperty("--rx-share", shown ? now : start);
        row.bar.style.setProperty("--rx-before", start);
        update(row.now, { text: shown ? percent(now) : "?" });
        update(row.start, { text: percent(start) });
      });
    },
  };
}

/** A share as a whole number of per cent; a small share is not shown as 0%. */
export function percent(share) {
  return share > 0 && share < 0.005 ? "< 1%" : `${Math.round(100 * share)}%`;
}
