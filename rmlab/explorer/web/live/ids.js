// Token ids of prompts and responses, equal to those of rmlab/model/tokenization.py: the convention of the model, and the
// cut to its longest text. The tokenizer is Hugging Face's library for browsers, corrected where it differs from their
// Python package (tokenizer.js).
import { placesOf } from "./places.js";
import { renderer, separatorOf } from "./rendering.js";
import { openTokenizer } from "./tokenizer.js";

/**
 * Turns { prompt, response } into ids: `encode` returns { ids, promptCut, responseCut }, and `tokens` returns { ids, texts,
 * text, spans }: the response as it is read, and the place of each token in it, [start, end], or null outside it. Half a
 * surrogate pair is not a character, and is read as U+FFFD.
 */
export function openIds(manifest, tokenizerJson) {
  const { ids, max_length: longest } = manifest;
  const tokenizer = openTokenizer(tokenizerJson);
  const render = renderer(ids);
  const startsWith = (list, part) => part.every((id, i) => list[i] === id);

  function joinedPieces({ prompt, response, end, special }) {
    const bos = [ids.bos_token_id];
    let whole = tokenizer.ids(prompt + response + end, special);
    let head = tokenizer.ids(prompt, false);
    const front = startsWith(whole, bos) ? bos : [];
    whole = whole.slice(front.length);
    if (front.length && startsWith(head, bos)) head = head.slice(1);
    let nPrompt = 0;
    while (nPrompt < head.length && whole[nPrompt] === head[nPrompt]) nPrompt += 1;
    return { pieces: [front, whole.slice(0, nPrompt), [], whole.slice(nPrompt), []], from: front.length + nPrompt };
  }

  function segmentPieces({ prompt, response }) {
    let [head, tail] = [tokenizer.ids(prompt, false), tokenizer.ids(response, false)];
    const { before, between, after } = ids;
    // a chat template may have added BOS at the start and EOS at the end; here they are added once, after truncation
    let from = 0;
    if (startsWith(head, before)) head = head.slice(before.length);
    else if (!head.length && startsWith(tail, before)) tail = tail.slice(from = before.length);
    if (separatorOf(ids) && after.length === 1 && tail.at(-1) === after[0]) tail = tail.slice(0, -1);
    return { pieces: [before, head, between, tail, after], from };
  }

  const piecesOf = ids.convention === "joined" ? joinedPieces : segmentPieces;

  function cut({ prompt, response }) {
    const rendered = render(wellFormed(prompt), wellFormed(response));
    const { pieces: [front, head, middle, tail, end], from } = piecesOf(rendered);
    const room = longest - front.length - middle.length - end.length;
    const kept = tail.slice(Math.max(0, tail.length - room));
    const keptHead = head.slice(Math.max(0, head.length - (room - kept.length)));
    return {
      rendered, from: from + tail.length - kept.length, nKept: kept.length, nBefore: front.length + keptHead.length + middle.length,
      ids: [...front, ...keptHead, ...middle, ...kept, ...end],
      promptCut: head.length - keptHead.length, responseCut: tail.length - kept.length,
    };
  }

  function encode(item) {
    const { ids: all, promptCut, responseCut } = cut(item);
    return { ids: all, promptCut, responseCut };
  }

  function tokens(item) {
    const { rendered, ids: all, from, nKept, nBefore } = cut(item);
    const joined = ids.convention === "joined";
    const read = joined ? rendered.prompt + rendered.response + rendered.end : rendered.response;
    const plain = typeof item.prompt === "string" && typeof item.response === "string";
    const text = plain ? wellFormed(item.response) : rendered.response;
    const shift = joined ? rendered.prompt.length : rendered.response.length - text.length; // of the separator
    const places = placesOf(tokenizer, tokenizer.ids(read, joined && rendered.special), read).slice(from, from + nKept);
    const spans = all.map(() => null);
    places.forEach((place, i) => {
      const [start, end] = place.map((at) => Math.min(text.length, Math.max(0, at - shift)));
      if (end > start) spans[nBefore + i] = [start, end];
    });
    return { ids: all, text, spans, texts: all.map((id, i) => (spans[i] ? text.slice(...spans[i]) : tokenizer.nameOf(id))) };
  }

  return { encode, tokens };
}

function wellFormed(text) {
  return typeof text === "string" ? text.toWellFormed() : text.map((message) => ({ ...message, content: message.content?.toWellFormed() }));
}
