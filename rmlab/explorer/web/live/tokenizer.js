// Hugging Face's tokenizer for browsers, corrected so that its ids equal those of their Python package. It differs in
// characters beyond 16 bits, in a final sigma, and in using the browser's Unicode properties, which are newer.
import { Tokenizer } from "@huggingface/tokenizers";
import { CONTROLS, MARKS, PUNCTUATION, SPACES } from "./bert_characters.js";

const ALL = { marks: new RegExp(`[${MARKS}]`, "gu"), controls: new RegExp(`[${CONTROLS}]`, "gu"), spaces: new RegExp(`[${SPACES}]`, "gu") };
const BERT_WORDS = new RegExp(`[${PUNCTUATION}]|[^${PUNCTUATION}${SPACES}]+`, "gu");
const CHINESE = /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
const BYTE_LEVEL_WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** A tokenizer: `ids(text, special)` with or without the special tokens that it adds by itself, and the name of an id. */
export function openTokenizer(json) {
  const inner = new Tokenizer(json, {});
  if (json.normalizer?.type === "BertNormalizer") inner.normalizer = bertNormalizer(json.normalizer);
  if (json.pre_tokenizer?.type === "BertPreTokenizer") inner.pre_tokenizer = (text) => text.match(BERT_WORDS) ?? [];
  for (const part of [inner.pre_tokenizer, ...(inner.pre_tokenizer?.tokenizers ?? [])]) {
    if (part?.byte_encoder) part.pattern = BYTE_LEVEL_WORDS;
  }
  const added = inner.get_added_tokens_decoder();
  const says = (part, pattern) => pattern.test(JSON.stringify(part ?? null));
  return {
    inner,
    isByteLevel: says(json.pre_tokenizer, /"ByteLevel"/),
    trimsPlaces: says(json.post_processor, /"(ByteLevel|RobertaProcessing)"/) && says(json.post_processor, /"trim_offsets":true/),
    isAdded: (id) => added.has(id),
    ids: (text, special) => inner.encode(text, { add_special_tokens: special }).ids,
    nameOf: (id) => inner.id_to_token(id) ?? "",
  };
}

function bertNormalizer({ clean_text, handle_chinese_chars, strip_accents, lowercase }) {
  return (text) => {
    if (clean_text) text = text.replace(ALL.controls, "").replace(ALL.spaces, " ");
    if (handle_chinese_chars) text = text.replace(CHINESE, " $& ");
    if (strip_accents ?? lowercase) text = text.normalize("NFD").replace(ALL.marks, "");
    return lowercase ? lowered(text) : text;
  };
}

/** Lower case character by character: in a whole word a final sigma would differ. */
const lowered = (text) => (text.includes("Σ") ? text.split("Σ").map((part) => part.toLowerCase()).join("σ") : text.toLowerCase());
