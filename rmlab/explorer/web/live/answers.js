// The model in the page answers the state, as rmlab/explorer/answers.py does with a kernel.
//
// It sets the trait "loading", from which parts/loading.js shows how far it is: { phase, loaded, total, words, kind }, where
// phase is "offered" (with the size in `total`), "loading", "starting", "ready" or "failed".
import { giveModel } from "../core/live_model.js";
import { TEXTS } from "../core/history.js";
import { openLive } from "./client.js";
import { asRead } from "./conversations.js";

const REMEMBERED = 512; // texts that keep their scores
const NAMED = { int8: "8-bit weights", float32: "32-bit weights" };
const loaders = new WeakMap(); // store -> load

/** Load the model of a store, if one was offered or failed. */
export const loadModel = (store) => loaders.get(store)?.();

/** Let the model of a source answer the texts of a store: at once if the page holds it, else when the reader asks for it. */
export function answerInPage(store, source) {
  loaders.set(store, load);
  if (source.isEmbedded) load();
  else store.set({ answering: false, loading: { phase: "offered", total: source.size } });

  function load() {
    const sizes = new Map(); // part -> [loaded, total]
    const client = asRead(store, openLive(source, {
      onProgress({ part, loaded, total }) {
        sizes.set(part, [loaded, total]);
        const sum = (i) => [...sizes.values()].reduce((all, size) => all + size[i], 0);
        const known = [...sizes.values()].every(([, each]) => each);
        const isHere = known && sizes.has("model") && sum(0) === sum(1);
        store.set({ loading: { phase: isHere ? "starting" : "loading", loaded: sum(0), total: known ? sum(1) : source.size } });
      },
      onFailure({ kind, message }) {
        store.set({ answering: false, loading: { phase: "failed", kind, words: message } });
      },
    }));
    store.set({ answering: true, second: {}, request: store.get("request") + 1, loading: { phase: "loading", loaded: 0, total: null } });
    client.ready.then((model) => {
      store.set({ model: model.manifest.model, loading: { phase: "ready" } });
      follow(store, client, { name: model.manifest.model, from: inWords(model) });
      giveModel(store, { client, manifest: model.manifest });
      if (source.second) answerSecond(store, source.second);
    }, () => {}); // onFailure reports it
  }
}

/** Keep the scores of a store up to date with its texts. */
function follow(store, client, { name, from }) {
  const scorer = remembering(client, "first");
  async function answer() {
    const request = store.get("request");
    const texts = textsOf(store);
    try {
      const found = await scorer(texts);
      if (!isOf(store, texts)) return; // its own answer follows
      store.set({ scores: found.map((one) => one.score), scores_from: from, error: "", notice: noticeOf(found), attribution: {}, answered: request });
    } catch (error) {
      if (error.kind === "superseded" || !isOf(store, texts)) return;
      store.set({ scores: [null, null], scores_from: from, error: `${name} gave no score: ${error.message}`, notice: "", attribution: {}, answered: request });
    }
  }
  store.on([...TEXTS, "request"], answer);
  answer();
}

/** A second model of the page answers the same texts, in the trait "second". */
function answerSecond(store, source) {
  const client = asRead(store, openLive(source));
  client.ready.then(({ manifest: { model: name } }) => {
    const scorer = remembering(client, "second");
    async function answer() {
      const answered = store.get("request");
      const texts = textsOf(store);
      const said = await scorer(texts).then(
        (found) => ({ name, scores: found.map((one) => one.score), answered }),
        (error) => (error.kind === "superseded" ? null : { name, scores: [null, null], answered, error: `${name} gave no score: ${error.message}` }));
      const mine = [undefined, name].includes(store.get("second").name); // else the reader's own head has taken its place
      if (said && mine && isOf(store, texts)) store.set({ second: said });
    }
    store.on([...TEXTS, "request"], answer);
    answer();
  }, () => {}); // the first model answers alone
}

const textsOf = (store) => Object.fromEntries(TEXTS.map((name) => [name, store.get(name)]));
const isOf = (store, texts) => TEXTS.every((name) => texts[name] === store.get(name));

/** Returns a scorer of both responses that scores no text twice. */
function remembering(client, slot) {
  const known = new Map();
  return async ({ prompt, response_a, response_b }) => {
    const keyOf = (response) => JSON.stringify([prompt, response]);
    const responses = [response_a, response_b];
    const asked = [...new Set(responses)].filter((response) => !known.has(keyOf(response)));
    if (asked.length) {
      const found = await client.scored(asked.map((response) => ({ prompt, response })), { slot });
      asked.forEach((response, i) => known.set(keyOf(response), found[i]));
    }
    const all = responses.map((response) => known.get(keyOf(response)));
    for (const key of known.keys()) if (known.size > REMEMBERED) known.delete(key);
    return all;
  };
}

/** What was truncated, in words. */
function noticeOf(found) {
  const said = [];
  found.forEach(({ promptCut, responseCut }, i) => {
    const side = "AB"[i];
    if (responseCut) said.push(`Response ${side} is too long: its first ${responseCut.toLocaleString("en")} tokens are not read.`);
    if (promptCut) said.push(`With response ${side} the prompt is too long: its first ${promptCut.toLocaleString("en")} tokens are not read.`);
  });
  return said.join(" ");
}

/** Which model answers, and how much its scores may differ from torch. */
function inWords({ manifest, precision }) {
  const error = precision.largest_error;
  const far = error === undefined ? "" : `, within ${roundedUp(error)} nats of torch on ${precision.n_texts} texts`;
  return `computed in this page by ${manifest.model} (${NAMED[precision.name] ?? precision.name}${far})`;
}

/** A bound with one digit, at least as large as the number. */
function roundedUp(value) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(value, 1e-6)));
  return Number((Math.ceil(value / unit) * unit).toPrecision(1));
}
