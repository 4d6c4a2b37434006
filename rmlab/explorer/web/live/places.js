// Where tokens are in their text. The tokenizer does not report that, so the text is matched with its tokens: in bytes if
// the tokens are made of bytes, else in normalised characters.

const NOWHERE = [0, 0];
const FAR = 64; // units within which a token is searched for after one that was not found
const BLANK = /[\s▁]/u;
const encoder = new TextEncoder();
const BYTE_NAMES = byteNames();

/** The [start, end] of each of the `ids` of a text; [0, 0] for one that has no text in it. */
export function placesOf(tokenizer, ids, text) {
  const { model } = tokenizer.inner;
  const units = tokenizer.isByteLevel ? bytesOf(text) : charactersOf(text, tokenizer.inner);
  const places = ids.map(() => NOWHERE);
  let at = 0; // the first unit that no token has taken
  let unplaced = []; // tokens that share what lies before the next that is found

  function take(i, start, end) {
    for (const each of unplaced) if (start > at) places[each] = [units[at].start, units[start - 1].end];
    unplaced = [];
    places[i] = [units[start].start, units[end - 1].end];
    at = end;
  }

  ids.forEach((id, i) => {
    const isAdded = tokenizer.isAdded(id);
    const name = tokenizer.isByteLevel && !isAdded ? [...tokenizer.nameOf(id)] : unitsOfName(tokenizer, id);
    if (!name.length) return;
    if (matches(units, name, at)) return take(i, at, at + name.length);
    if (isAdded && id !== model.unk_token_id) return undefined; // of the frame, not of the text
    const bare = tokenizer.isByteLevel && name[0] === "Ġ" ? name.slice(1) : []; // a space was put before the text
    if (matches(units, bare, at)) return take(i, at, at + bare.length);
    if (id === model.unk_token_id && units[at]?.word !== undefined) { // a whole word
      let end = at;
      while (units[end]?.word === units[at].word) end += 1;
      return take(i, at, end);
    }
    for (let ahead = at + 1; unplaced.length && ahead < at + FAR; ahead += 1) {
      if (matches(units, name, ahead)) return take(i, ahead, ahead + name.length);
    }
    unplaced.push(i);
    return undefined;
  });
  for (const each of unplaced) if (at < units.length) places[each] = [units[at].start, units.at(-1).end];
  return tokenizer.trimsPlaces ? places.map((place) => trimmed(place, text)) : places;
}

const matches = (units, name, at) => name.length > 0 && at + name.length <= units.length && name.every((unit, i) => unit === units[at + i].unit);

function unitsOfName(tokenizer, id) {
  const name = tokenizer.nameOf(id);
  if (tokenizer.isByteLevel) return bytesOf(name).map(({ unit }) => unit);
  if (tokenizer.isAdded(id)) return charactersOf(name, tokenizer.inner).map(({ unit }) => unit);
  const { continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = tokenizer.inner.model.config;
  const start = prefix && name.startsWith(prefix) ? prefix.length : 0;
  const end = suffix && name.endsWith(suffix) ? name.length - suffix.length : name.length;
  return [...name.slice(start, end)].filter((unit) => !BLANK.test(unit));
}

function bytesOf(text) {
  const units = [];
  let start = 0;
  for (const character of text) {
    const end = start + character.length;
    for (const byte of encoder.encode(character)) units.push({ unit: BYTE_NAMES[byte], start, end });
    start = end;
  }
  return units;
}

function charactersOf(text, { normalizer, pre_tokenizer: split, model }) {
  const units = [];
  let start = 0;
  for (const character of text) {
    const end = start + character.length;
    for (const unit of normalizer ? normalizer(character) : character) if (!BLANK.test(unit)) units.push({ unit, start, end });
    start = end;
  }
  if (model.config.continuing_subword_prefix === undefined || !split) return units;
  const words = split(normalizer ? normalizer(text) : text, { section_index: 0 }).flatMap((word, i) => [...word].map(() => i));
  if (words.length === units.length) units.forEach((unit, i) => { unit.word = words[i]; });
  return units;
}

function trimmed([start, end], text) {
  const piece = text.slice(start, end);
  return piece.trim() ? [start + piece.length - piece.trimStart().length, end - piece.length + piece.trimEnd().length] : [start, end];
}

/** The character by which a byte-level tokenizer calls each byte (GPT-2's table). */
function byteNames() {
  const shown = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(shown(byte) ? byte : next++));
}
