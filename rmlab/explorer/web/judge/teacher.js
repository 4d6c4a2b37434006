// The teacher's page: how to join, how much each rater has judged, and what the labels so far show.
import { element, update } from "../core/dom.js";
import { pause } from "./refusal.js";
import { ask } from "./server.js";
import { weightsCard } from "./weights.js";

const BETWEEN = 2_000; // milliseconds
const COLUMNS = ["rater", "labels", "seconds", "prefers the left", "same when repeated", "agrees with others", ""];

const shown = (estimate) => (estimate ? `${estimate.value.toFixed(2)} (${estimate.lower.toFixed(2)} to ${estimate.upper.toFixed(2)})` : "–");

/** Show the page of the teacher, and keep it up to date. */
export function teaching(panel, { origin, code }) {
  const error = element("p", { class: "rx-error", role: "alert", hidden: true });
  const said = element("p", { class: "rx-words", role: "status" });
  const table = element("div", { class: "rx-scroll", tabindex: 0, role: "group", "aria-label": "Raters" });
  const fit = element("div", {});
  panel.replaceChildren(error,
    element("section", { class: "rx-card", "aria-label": "To join" },
      element("h2", { class: "rx-title", text: "To join" }),
      element("p", { class: "rx-words" }, "Open ", element("strong", { text: origin }), " on this network, and enter the code"),
      element("p", { class: "rx-figure rx-code", text: code })),
    element("section", { class: "rx-card", "aria-label": "Labels" }, element("h2", { class: "rx-title", text: "Labels" }), said, table),
    fit);

  function draw({ seated, agreement, rewarded, rewardedByCamp }) {
    const raters = agreement?.raters ?? [];
    const waiting = seated.filter((name) => !raters.some(({ rater }) => rater === name));
    update(said, { text: summary(agreement, seated) });
    const cells = raters.map((one) => [one.rater, one.n_judgements, one.median_seconds.toFixed(1), shown(one.left), shown(one.consistency), shown(one.with_others), remarks(one)]);
    cells.push(...waiting.map((name) => [name, 0, "", "", "", "", "has joined"]));
    table.replaceChildren(
      element("table", { class: "rx-numbers-table" },
        element("thead", {}, element("tr", {}, ...COLUMNS.map((text) => (text ? element("th", { scope: "col", text }) : element("td", {}))))),
        element("tbody", {}, ...cells.map(([name, ...rest]) =>
          element("tr", {}, element("th", { scope: "row", text: name }), ...rest.map((text) => element("td", { text })))))));
    const camps = rewardedByCamp.map((one, i) => one && weightsCard(one, `What does this camp reward? ${agreement.camps.members[i].join(", ")}`));
    fit.replaceChildren(...(rewarded ? [weightsCard(rewarded, "What does the class reward?")] : []), ...camps.filter(Boolean));
  }

  async function listen() {
    for (;;) {
      try {
        draw(await ask("overview"));
        error.hidden = true;
      } catch (failure) {
        update(error, { text: failure.status ? `${failure.message}.` : "The server does not answer. Labels that were acknowledged are kept.", hidden: false });
      }
      await pause(BETWEEN);
    }
  }
  listen();
}

function remarks({ side, stands_apart: apart }) {
  return [side ? `prefers the ${side}` : "", apart ? "agrees less with the others than they do with each other" : ""].filter(Boolean).join("; ");
}

function summary(agreement, seated) {
  if (!agreement) return `${seated.length} here; nothing has been judged yet.`;
  const { n_judgements: n, n_pairs: pairs, raw, alpha, ceiling, camps, consistency } = agreement;
  const parts = [`${seated.length} here; ${n} judgements of ${pairs} pairs.`];
  if (raw) parts.push(`Two raters agree: ${shown(raw)}. Krippendorff's alpha: ${shown(alpha)}.`);
  if (consistency) parts.push(`The same verdict when a pair came back swapped: ${shown(consistency)}.`);
  if (ceiling) parts.push(`No model can agree with more than ${ceiling[0].toFixed(2)} to ${ceiling[1].toFixed(2)} of these judgements.`);
  if (camps) parts.push(`Two camps: ${camps.members.map((part) => part.join(", ")).join(" | ")}.`);
  return parts.join(" ");
}
