// Where a page gets its model from: { precision, isEmbedded, size, manifest(progress), tokenizer(progress), model(progress),
// wasm(progress), worker(progress), second? }. `size` is the bytes to come, or null. The others promise parsed JSON
// (manifest, tokenizer), an ArrayBuffer (model, wasm) or text (worker), and call progress(loaded, total) as it comes.
// `second` is a source of another model of the same network.
import { LiveError } from "./failure.js";

const BLOCK = "rmlab-live-";
const FILES = { manifest: "rmlab_onnx.json", tokenizer: "tokenizer.json", model: "model_int8.onnx", wasm: "onnxruntime.wasm", worker: "live.worker.js" };
const A_TURN = 1 << 20; // characters that are decoded before the page may draw again

/**
 * The source inside the page, or null. Its blocks are <script type="application/octet-stream" id="rmlab-live-NAME">: JSON in
 * those of manifest and tokenizer, and base64 of bytes compressed by gzip in those of model, wasm and worker. A second model
 * has a manifest, and what to add to each byte of the first: see rmlab/explorer/live_files.py.
 */
export function embedded() {
  const block = (name) => document.getElementById(BLOCK + name);
  if (!block("manifest")) return null;
  const text = (name) => {
    if (!block(name)) throw new LiveError("download", `This page lacks its block ${BLOCK}${name}. Load the page again, or make it again.`);
    return block(name).textContent.trim();
  };
  const json = (name) => async () => {
    try {
      return JSON.parse(text(name));
    } catch (thrown) {
      throw thrown instanceof LiveError ? thrown : damaged(name);
    }
  };
  const bytes = (name) => async (progress = () => {}) => {
    try {
      return await unpacked(text(name), progress);
    } catch (thrown) {
      throw thrown instanceof LiveError ? thrown : damaged(name);
    }
  };
  const first = {
    precision: "int8",
    isEmbedded: true,
    size: null, // it is here
    manifest: json("manifest"),
    tokenizer: json("tokenizer"),
    model: bytes("model"),
    wasm: bytes("wasm"),
    worker: async () => new TextDecoder().decode(await bytes("worker")()),
  };
  if (!block("second-manifest")) return first;
  async function changed() {
    const [model, change] = (await Promise.all([bytes("model")(), bytes("second-change")()])).map((each) => new Uint8Array(each));
    for (let i = 0; i < model.length; i += 1) model[i] += change[i];
    return model.buffer;
  }
  return { ...first, second: { ...first, manifest: json("second-manifest"), model: changed } };
}

/** The source at an address; `folder` ends in a slash, and its files have `bytes` together. */
export function fetched({ folder, bytes: size }) {
  const at = (name) => new URL(FILES[name], new URL(folder, document.baseURI)).href;

  const bytes = (name) => async (progress = () => {}) => {
    try {
      const answer = await fetch(at(name));
      if (!answer.ok) throw new LiveError("download", `${FILES[name]} could not be loaded: the server answered ${answer.status}.`);
      const total = answer.headers.has("content-encoding") ? null : Number(answer.headers.get("content-length")) || null;
      const parts = [];
      let loaded = 0;
      for (const reader = answer.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        loaded += value.length;
        progress(loaded, total);
      }
      if (total !== null && loaded !== total) throw new LiveError("download", `Only ${loaded} of ${total} bytes of ${FILES[name]} arrived.`);
      return await new Blob(parts).arrayBuffer();
    } catch (thrown) {
      throw thrown instanceof LiveError ? thrown : new LiveError("download", `${FILES[name]} could not be loaded (${thrown.message}).`);
    }
  };
  const text = (name) => async (progress) => new TextDecoder().decode(await bytes(name)(progress));
  const json = (name) => async (progress) => {
    try {
      return JSON.parse(await text(name)(progress));
    } catch (thrown) {
      throw thrown instanceof LiveError ? thrown : damaged(name);
    }
  };
  return {
    precision: "int8", isEmbedded: false, size,
    manifest: json("manifest"), tokenizer: json("tokenizer"), model: bytes("model"), wasm: bytes("wasm"), worker: text("worker"),
  };
}

const damaged = (name) => new LiveError("download", `the model of this page is damaged or incomplete (its ${name}). Load the page again.`);

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64); // in browsers since 2025; four times as fast
  const part = atob(base64);
  const bytes = new Uint8Array(part.length);
  for (let i = 0; i < part.length; i += 1) bytes[i] = part.charCodeAt(i);
  return bytes;
}

/** The bytes of a block, decoded and decompressed part by part. */
async function unpacked(text, progress) {
  const gunzip = new DecompressionStream("gzip");
  const whole = new Response(gunzip.readable).arrayBuffer();
  whole.catch(() => {}); // it is awaited below, after what may fail before it
  const writer = gunzip.writable.getWriter();
  for (let at = 0; at < text.length; at += A_TURN) { // a multiple of four characters
    writer.write(bytesOf(text.slice(at, at + A_TURN))).catch(() => {});
    progress(Math.min(text.length, at + A_TURN), text.length);
    await new Promise((go) => { setTimeout(go); });
  }
  writer.close().catch(() => {});
  return whole;
}
