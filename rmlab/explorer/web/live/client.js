// The page's side of the model that answers in it: requests to the worker, one at a time.
import { asFailure, LiveError } from "./failure.js";

/**
 * Start the model of a source (sources.js). Returns
 *
 *     ready              promise of { manifest, precision, first_milliseconds }
 *     score(items)       promise of numbers, for items { prompt, response }; scored(items) of { score, promptCut, responseCut }
 *     features(items)    promise of Float32Arrays, what the head reads
 *     tokens(item)       promise of { ids, text, texts, spans }: see ids.js
 *     scoreIds(lists)    promise of numbers, for lists of ids
 *     close()            end the worker
 *
 * Requests are answered in their order. Of those with the same `slot` ({ slot } as a second argument) only the newest is
 * computed; those before it are rejected as "superseded". What fails rejects with a LiveError (failure.js).
 * onProgress({ part, loaded, total }) is called while files come, onFailure(error) where the model cannot be started.
 */
export function openLive(source, { onProgress = () => {}, onFailure = () => {} } = {}) {
  const waiting = []; // requests that the worker has not been given
  let worker = null;
  let current = null; // the request that it is working on
  let isReady = false;
  let ended = null;
  let nMade = 0;

  function next() {
    if (current || !worker || !waiting.length || (!isReady && waiting[0].method !== "open")) return;
    current = waiting.shift();
    worker.postMessage({ id: current.id, method: current.method, argument: current.argument }, current.given ?? []);
  }

  function ask(method, argument, { slot, given } = {}) {
    if (ended) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      if (slot !== undefined) {
        const old = waiting.findIndex((each) => each.slot === slot);
        if (old >= 0) waiting.splice(old, 1)[0].reject(new LiveError("superseded", "a newer request took its place"));
      }
      const request = { id: (nMade += 1), method, argument, slot, given, resolve, reject };
      if (method === "open") waiting.unshift(request);
      else waiting.push(request);
      next();
    });
  }

  function hear({ data: { id, result, failure } }) {
    if (current?.id !== id) return;
    const { resolve, reject } = current;
    current = null;
    if (failure) reject(new LiveError(failure.kind, failure.message));
    else resolve(result);
    next();
  }

  function end(error) {
    if (ended) return;
    ended = error;
    worker?.terminate();
    for (const each of [current, ...waiting.splice(0)]) each?.reject(error);
    current = null;
  }

  async function start() {
    const part = (name) => source[name]((loaded, total) => {
      if (!ended) onProgress({ part: name, loaded, total }); // else progress would be reported after a failure
    });
    const [script, manifest, tokenizer, model, wasm] = await Promise.all(["worker", "manifest", "tokenizer", "model", "wasm"].map(part));
    if (ended) throw ended;
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onmessage = hear;
    worker.onerror = (event) => {
      event.preventDefault?.();
      end(asFailure(new Error(event.message || "the worker could not be started")));
    };
    try {
      const { first_milliseconds } = await ask("open", { manifest, tokenizer, model, wasm }, { given: [model, wasm] });
      isReady = true;
      next();
      return { manifest, precision: { name: source.precision, ...manifest.precision?.[source.precision] }, first_milliseconds };
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  const ready = start().catch((thrown) => {
    const failure = asFailure(thrown);
    end(failure);
    if (failure.kind !== "closed") onFailure(failure);
    throw failure;
  });
  ready.catch(() => {}); // a caller that does not await it is told by onFailure

  const scored = (items, options) => ask("score", items, options);
  return {
    ready,
    scored,
    score: async (items, options) => (await scored(items, options)).map((one) => one.score),
    features: (items, options) => ask("features", items, options),
    tokens: (item, options) => ask("tokens", item, options),
    scoreIds: (lists, options) => ask("scoreIds", lists, options),
    close: () => end(new LiveError("closed", "the model was closed")),
  };
}
