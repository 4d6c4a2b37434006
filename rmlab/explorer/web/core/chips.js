// Edits of a response by one click, with sentences that come with the data.

const SENTENCE = /^[\s\S]*?[.!?](?=\s|$)/;
const joined = (...texts) => texts.filter((text) => text.trim()).join(" ");

/** Part of a text: its first sentence; of a single one, the first half of its words. */
function shorter(text) {
  const whole = text.trim();
  const first = SENTENCE.exec(whole)?.[0] ?? whole;
  if (first !== whole) return first;
  const words = whole.split(/\s+/);
  return words.slice(0, Math.floor(words.length / 2)).join(" ");
}

/** A response after the edit of a chip: `place` decides where the first of its `texts` that is not there yet goes. */
export function edited(response, { place, texts = [] }) {
  const text = texts.find((each) => !response.includes(each)) ?? texts[0];
  return {
    front: () => joined(text, response), end: () => joined(response, text), instead: () => text,
    shorter: () => shorter(response), nothing: () => "",
  }[place]();
}

/** What is odd about a response that no reader would prefer, in words that follow "Response A"; or "". */
export function oddity(response) {
  const words = response.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  if (!response.trim()) return "is empty";
  if (!words.length) return "contains no words";
  if (words.length >= 6 && new Set(words).size <= words.length / 3) return "repeats the same words";
  const sentences = response.split(/(?<=[.!?])\s+/);
  if (sentences.length > 2 && new Set(sentences).size <= sentences.length / 2) return "repeats the same sentences";
  return words.length < 2 ? "is one word" : "";
}
