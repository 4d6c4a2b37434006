// A reward model in the browser: ONNX Runtime's wasm on one thread, and the model's own token ids. worker.js runs it
// beside the page; a test runs it under Node.
import * as ort from "onnxruntime-web/wasm";
import { asFailure, LiveError } from "./failure.js";
import { openIds } from "./ids.js";

const LONGEST_TEXT = 200_000; // characters; a longer one would take the tokenizer too long
const BATCH_TOKENS = 4096; // padding included
// the smallest module with an instruction of 128 bits, without which the runtime does not start
const WITH_SIMD = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

/**
 * Open a model: `manifest` and `tokenizer` as parsed JSON, `model` and `wasm` as bytes. Returns score(items), features(items),
 * tokens(item), scoreIds(lists) and first_milliseconds, the time of the first score.
 */
export async function openScorer({ manifest, tokenizer, model, wasm }) {
  if (!WebAssembly.validate(WITH_SIMD)) {
    throw new LiveError("no-simd", "This browser lacks WebAssembly's SIMD instructions, which the model needs. Chrome and Firefox have had them since 2021, Safari since 2023.");
  }
  let session;
  let ids;
  try {
    Object.assign(ort.env.wasm, { wasmBinary: wasm, numThreads: 1, proxy: false });
    ort.env.logLevel = "error";
    session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
    ids = openIds(manifest, tokenizer);
  } catch (thrown) {
    throw asFailure(thrown);
  }

  async function run(rows) {
    const length = Math.max(...rows.map((row) => row.length));
    const size = rows.length * length;
    const given = {
      input_ids: new BigInt64Array(size).fill(BigInt(manifest.pad_token_id)),
      attention_mask: new BigInt64Array(size),
      token_type_ids: new BigInt64Array(size),
    };
    rows.forEach((row, r) => row.forEach((id, i) => {
      given.input_ids[r * length + i] = BigInt(id);
      given.attention_mask[r * length + i] = 1n;
    }));
    const feeds = Object.fromEntries(manifest.inputs.map((name) => [name, new ort.Tensor("int64", given[name], [rows.length, length])]));
    const { scores, features } = await session.run(feeds);
    const width = features.dims[1];
    return rows.map((_, r) => ({ score: scores.data[r], features: features.data.slice(r * width, (r + 1) * width) }));
  }

  /** Results of lists of ids, in their order; texts of similar length go together. */
  async function runAll(rows) {
    const order = rows.map((_, i) => i).sort((a, b) => rows[a].length - rows[b].length);
    const found = new Array(rows.length);
    let batch = [];
    for (const [place, i] of order.entries()) {
      batch.push(i);
      const next = order[place + 1];
      if (next !== undefined && (batch.length + 1) * rows[next].length <= BATCH_TOKENS) continue;
      const results = await run(batch.map((each) => rows[each])).catch((thrown) => { throw asFailure(thrown); });
      batch.forEach((each, k) => { found[each] = results[k]; });
      batch = [];
    }
    return found;
  }

  function encode(item) {
    for (const text of [item.prompt, item.response]) {
      const length = typeof text === "string" ? text.length : JSON.stringify(text).length;
      if (length > LONGEST_TEXT) {
        throw new LiveError("too-long", `A text of ${length.toLocaleString("en")} characters is not scored in the browser: the limit is ${LONGEST_TEXT.toLocaleString("en")}.`);
      }
    }
    try {
      return ids.encode(item);
    } catch (thrown) { // a chat template is a program, which may fail
      throw asFailure(thrown);
    }
  }

  const own = {
    async score(items) {
      const encoded = items.map(encode);
      const found = await runAll(encoded.map((each) => each.ids));
      return encoded.map(({ promptCut, responseCut }, i) => ({ score: found[i].score, promptCut, responseCut }));
    },
    features: async (items) => (await runAll(items.map((item) => encode(item).ids))).map((one) => one.features),
    scoreIds: async (lists) => (await runAll(lists)).map((one) => one.score),
    tokens: async (item) => (encode(item), ids.tokens(item)),
  };
  const began = performance.now();
  await own.score([{ prompt: "Is it warm?", response: "Yes." }]);
  return { ...own, first_milliseconds: performance.now() - began };
}
