// What each token adds to a score, as a colour and as a number.
import { signed } from "../charts/chart.js";
import { element, update } from "../core/dom.js";

const LONGEST_REST = 400; // characters of text without values that are shown

/** Whether an attribution belongs to these two responses, and not to earlier ones. */
export function isOf(attribution, a, b) {
  const whole = (pieces) => pieces?.map(([piece]) => piece).join("");
  return [a, undefined].includes(whole(attribution.a)) && [b, undefined].includes(whole(attribution.b));
}

/** A response in pieces without values, which hold the space while the values are computed. */
const awaited = (text) => text.slice(0, LONGEST_REST).split(/(?<=\s)(?=\S)/).map((piece) => [piece, undefined]);

/**
 * Two cards, one for each response, and in words what the values add up to: `draw(attribution, responses)`. While the
 * attribution is `{}`, the responses are shown in its place.
 */
export function tokenCards() {
  const words = element("p", { class: "rx-words" });
  const text = (side) => element("p", { class: "rx-tokens", dir: "auto", tabindex: 0, role: "group", "aria-label": `tokens of ${side}` }); // it may scroll
  const texts = { a: text("A"), b: text("B") };
  const cards = ["a", "b"].map((side) =>
    element("div", { class: `rx-card rx-${side}` },
      element("h3", { class: "rx-side", text: `${side === "a" ? "● Response A" : "■ Response B"}: what each token adds (nats)` }),
      texts[side]));
  const node = element("div", { class: "rx-two" }, ...cards, element("div", { class: "rx-card rx-wide", role: "status" }, words));
  let drawn = null;
  return {
    node,
    draw(attribution, responses) {
      const coming = attribution.words === undefined;
      const key = coming ? JSON.stringify(responses) : attribution;
      if (key === drawn) return;
      drawn = key;
      update(node, { "aria-busy": String(coming) });
      update(words, { text: attribution.words ?? "The model is working out what each token adds." });
      const largest = Math.max(1e-9, ...["a", "b"].flatMap((side) => (attribution[side] ?? []).map(([, value]) => Math.abs(value ?? 0))));
      for (const side of ["a", "b"]) {
        texts[side].replaceChildren(...(coming ? awaited(responses[side]) : attribution[side] ?? []).map(([piece, value]) => token(piece, value, largest)));
      }
    },
  };
}

function token(piece, value, largest) {
  if (value === undefined) return element("span", { class: "rx-token rx-awaited" }, element("span", { class: "rx-piece", text: piece }), element("span", { class: "rx-adds", text: "…" }));
  if (value === null) {
    const long = piece.length > LONGEST_REST;
    return element("span", { text: long ? `[${piece.length.toLocaleString("en")} characters that are not read] ` : piece });
  }
  const node = element("span", { class: `rx-token ${value < 0 ? "rx-lowers" : "rx-raises"}` },
    element("span", { class: "rx-piece", text: piece }), element("span", { class: "rx-adds", text: signed(value) }));
  node.style.setProperty("--rx-share", `${Math.round((40 * Math.abs(value)) / largest)}%`);
  return node;
}
