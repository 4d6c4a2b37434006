// Conversations behind the plain texts that a page shows: its model reads the messages, as rmlab/explorer/conversations.py says.

const SIDES = { prompt: ["prompt"], response: ["chosen", "rejected"] };
const ROLES = { prompt: "user", response: "assistant" };

/** The client of a model, which reads the messages of texts of the page's pairs; of a text of none, one message. */
export function asRead(store, client) {
  const columns = store.get("data").pairs;
  if (!columns?.messages) return client;
  const known = { prompt: new Map(), response: new Map() };
  for (const [name, sides] of Object.entries(SIDES)) {
    for (const side of sides) {
      columns[side].forEach((text, row) => {
        if (!known[name].has(text)) known[name].set(text, columns.messages[side][row]);
      });
    }
  }
  const messagesOf = (name, text) => (typeof text === "string" ? known[name].get(text) ?? [{ role: ROLES[name], content: text }] : text);
  const read = ({ prompt, response }) => ({ prompt: messagesOf("prompt", prompt), response: messagesOf("response", response) });
  const ofAll = (method) => (items, options) => client[method](items.map(read), options);
  return {
    ...client, score: ofAll("score"), scored: ofAll("scored"), features: ofAll("features"),
    tokens: (item, options) => client.tokens(read(item), options),
  };
}
