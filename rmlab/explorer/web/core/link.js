// The state in the address of a page, as ExplorerState.to_link writes it. A link may come from anywhere, so its contents are checked.
import { isCompared, isGuess } from "./predictions.js";

const FORMAT = "rmlab-explorer";
const VERSION = 1;
const MARK = "#rmlab-state=";
const text = (value) => typeof value === "string";
const oneOf = (...names) => (value) => names.includes(value);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const plain = (value) => value === null || ["string", "number", "boolean"].includes(typeof value);
const score = (value) => value === null || Number.isFinite(value);
const CHECKS = {
  prompt: text,
  response_a: text,
  response_b: text,
  winner: oneOf("a", "b", "tie"),
  scores: (value) => Array.isArray(value) && value.length === 2 && value.every(score),
  scores_from: text,
  temperature: (value) => Number.isFinite(value) && value > 0 && value <= 100,
  revealed: oneOf(true, false),
  guess: (value) => isObject(value) && isGuess(value),
  guesses: (value) => Array.isArray(value) && value.every((one) => isObject(one) && isCompared(one)),
  size: oneOf("normal", "projector"),
  view: text,
  settings: (value) => isObject(value) && Object.values(value).every((one) => isObject(one) && Object.values(one).every(plain)),
};

/** The state in an address: `{ state }`, `{ error }` in words, or neither if the address has none. */
export function readLink(hash) {
  if (!hash.startsWith(MARK)) return {};
  let read;
  try {
    const code = hash.slice(MARK.length).replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(code), (character) => character.charCodeAt(0));
    read = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return { error: "The state in this link is damaged (was its end cut off?). The page opens without it." };
  }
  if (read?.format !== FORMAT || read.version !== VERSION) {
    return { error: `This link was made by another version of the explorer; this page reads version ${VERSION}. It opens without it.` };
  }
  const state = Object.entries(read.state ?? {});
  const wrong = state.filter(([name, value]) => !Object.hasOwn(CHECKS, name) || !CHECKS[name](value));
  if (wrong.length) return { error: `The link contains something that the explorer does not know: ${wrong.map(([name]) => name).join(", ")}.` };
  return { state: Object.fromEntries(state) };
}

/** The part of the address that holds the state, from the `#` on. */
export function writeLink(store) {
  const state = Object.fromEntries(Object.keys(CHECKS).map((name) => [name, store.get(name)]));
  const bytes = new TextEncoder().encode(JSON.stringify({ format: FORMAT, version: VERSION, state }));
  const code = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return MARK + code.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
