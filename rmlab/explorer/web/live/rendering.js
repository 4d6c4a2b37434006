// A prompt and a response as the text that is tokenised: what rmlab/model/rendering.py and conventions.py do in Python.
import { Template } from "@huggingface/jinja";

const LABELS = { user: "Human", assistant: "Assistant", system: "System" };
const SPACE_AT_END = /[\s\x1c-\x1f\x85]+$/u; // what Python's rstrip removes
const BLANK_LINE = "\n\n"; // between a plain prompt and response that are tokenised separately

/**
 * Returns what makes { prompt, response, end, special } of a prompt and a response, each a text or a list of messages. The
 * first depends on the prompt alone. `ids` is that part of the manifest.
 */
export function renderer(ids) {
  const template = ids.chat_template === null ? null : new Template(ids.chat_template);
  const { eos_token: eos } = ids.special_tokens;
  const written = (messages, add_generation_prompt) =>
    template.render({ ...ids.special_tokens, messages, tools: null, documents: null, add_generation_prompt });

  function withResponse(prompt, response) {
    const turns = [inTurns(prompt, "user"), inTurns(response, "assistant")];
    if (!template) return joinedDialogue(...turns);
    const whole = written(turns.flat(), false);
    for (const added of turns[0].length ? [true, false] : []) {
      const head = written(turns[0], added);
      if (whole.startsWith(head)) return [head, whole.slice(head.length)];
    }
    return ["", whole];
  }

  function joined(prompt, response) {
    const plain = isPlain(prompt, response);
    const [head, tail] = plain ? [`${prompt}${ids.separator}`, response] : withResponse(prompt, response);
    const special = plain || !template;
    return { prompt: head, response: tail, end: special && ids.ends && !tail.endsWith(eos) ? eos : "", special };
  }

  function segments(prompt, response) {
    if (isPlain(prompt, response)) return { prompt, response: `${separatorOf(ids)}${response}`, end: "", special: true };
    const [head, tail] = withResponse(prompt, response);
    const bare = tail.replace(SPACE_AT_END, "");
    return { prompt: head, response: template && eos && bare.endsWith(eos) ? bare : tail, end: "", special: true };
  }

  return ids.convention === "joined" ? joined : segments;
}

/** What a plain response begins with, if it is tokenised separately from its prompt. */
export const separatorOf = (ids) => (ids.convention === "apart" ? BLANK_LINE : "");

const isPlain = (...texts) => texts.every((text) => typeof text === "string");

const inTurns = (text, role) => (typeof text === "string" ? [{ role, content: text }] : text);

const label = ({ role }) => `\n\n${LABELS[role] ?? role.charAt(0).toUpperCase() + role.slice(1).toLowerCase()}:`;

const dialogue = (messages) => messages.map((message) => `${label(message)} ${message.content}`).join("");

function joinedDialogue(prompt, response) {
  let head = dialogue(prompt);
  let tail = dialogue(response);
  if (response[0]?.role === "assistant") { // the label is with the prompt, which all responses share
    head += label(response[0]);
    tail = tail.slice(label(response[0]).length);
  }
  return [head.replace(/^\n+/, ""), tail];
}
