// What raters reward: a weight for each attribute, with its interval.
import { element } from "../core/dom.js";

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** A card of weights, and how many more labels would halve their intervals. */
export function weightsCard({ weights, labels, moreForHalf }, title) {
  const row = ({ attribute, value, lower, upper, clear }) =>
    element("tr", {},
      element("th", { scope: "row", text: attribute.replaceAll("_", " ") }),
      element("td", { text: signed(value) }),
      element("td", { text: `${signed(lower)} to ${signed(upper)}` }),
      element("td", { text: clear ? "clear" : "interval includes 0" }));
  const more = moreForHalf === null ? "" : ` ${moreForHalf} more labels would halve the intervals.`;
  return element("section", { class: "rx-card", "aria-label": title },
    element("h2", { class: "rx-title", text: title }),
    element("p", { class: "rx-words", text: `Nats for one unit of each attribute, with 95% intervals, from ${labels} labels.${more}` }),
    element("div", { class: "rx-scroll", tabindex: 0, role: "group", "aria-label": `${title}: table` },
      element("table", { class: "rx-numbers-table" },
        element("thead", {}, element("tr", {}, ...["attribute", "nats", "95% interval", ""].map((text) => (text ? element("th", { scope: "col", text }) : element("td", {}))))),
        element("tbody", {}, ...weights.map(row)))));
}
