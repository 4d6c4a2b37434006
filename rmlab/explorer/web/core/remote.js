// The replacement for anywidget's model on a page that `rmlab explore` serves: the same state, kept in the serving process.
//
// A page claims the explorer when it opens, and has it until another page claims it. When the server does not answer, the
// page keeps asking; a restarted server is sent everything that the page shows. "connection" is a message about what is
// wrong, and is empty when all is well.
import { localModel } from "./store.js";

const LONGEST_WAIT = 30_000; // milliseconds for an answer; a request for changes waits for 20 s on the server
const FIRST_PAUSE = 250; // milliseconds, doubled after each failure
const LONGEST_PAUSE = 5_000;
const KEPT = "What you typed stays.";
const WORDS = {
  403: `Not connected: the explorer was started again with another token. ${KEPT} Open the address that it printed.`,
  409: `Not connected: the explorer is open in another tab or window. ${KEPT}`,
  503: `Not connected: the explorer was started again and is scoring the pairs. ${KEPT}`,
  410: `Not connected: the explorer was started again with another model or other pairs. ${KEPT} Reload this page to see them.`,
  gone: `Not connected: the explorer does not answer. ${KEPT} This page reconnects by itself when “rmlab explore” runs again.`,
};
const OF_THE_SERVER = new Set([
  "views", "data", "serial", "edition", "connection", "model", "answering", "answered", "second", "error", "notice", "attribution", "picks",
]);

class Refusal extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** A model that sends its changes to the server, the newest value of each name, and receives the server's. */
export function remoteModel(values) {
  const model = localModel(values);
  const token = new URL(location.href).searchParams.get("token");
  const me = crypto.randomUUID();
  const mine = new Map(); // name -> the server's number of this page's last change of it
  let serial = values.serial;
  let unsent = {};
  let sending = Promise.resolve();
  let connected = false;
  let claimed = false;
  let taking = false; // the explorer from another page: what is shown here counts
  let wake = () => {};

  async function ask(path, { query = {}, ...options } = {}) {
    const search = new URLSearchParams({ token, client: me, ...query });
    const answer = await fetch(`${path}?${search}`, { signal: AbortSignal.timeout(LONGEST_WAIT), ...options });
    if (!answer.ok) throw new Refusal(answer.status, await answer.text());
    return answer.json();
  }

  async function send() { // one at a time: what changes in the meantime goes with the next
    while (connected && Object.keys(unsent).length) {
      const sent = unsent;
      unsent = {};
      try {
        const { serial: made } = await ask("state", { method: "POST", body: JSON.stringify(sent) });
        for (const name of Object.keys(sent)) mine.set(name, made);
      } catch (failure) {
        if (![400, 422].includes(failure.status)) { // the fault is not in this change: it is sent again with the next
          unsent = { ...sent, ...unsent };
          return lose(failure);
        }
        model.set("error", failure.message);
        model.set("answered", model.get("request")); // nobody is working on it
      }
    }
  }

  function save() {
    sending = sending.then(send);
    return sending;
  }

  function take({ serial: latest, values: changed }) {
    serial = latest;
    for (const [name, value] of Object.entries(changed)) {
      const old = name in unsent || latest < (mine.get(name) ?? 0);
      if (!old && JSON.stringify(value) !== JSON.stringify(model.get(name))) model.set(name, value);
    }
  }

  const open = (body, claim) =>
    ask("open", { method: "POST", body: JSON.stringify(body), query: { edition: values.edition, claim: claim ? "yes" : "no" } });
  const all = () => Object.fromEntries(Object.keys(values).filter((name) => !OF_THE_SERVER.has(name)).map((name) => [name, model.get(name)]));

  async function connect() {
    let answer;
    try {
      answer = taking ? await open(all(), true) : await open({}, !claimed);
    } catch (failure) {
      if (failure.status !== 412) throw failure;
      answer = await open(all(), true); // the server was restarted
      mine.clear();
    }
    connected = claimed = true;
    taking = false;
    take(answer);
    model.set("connection", "");
    save();
  }

  function lose(failure) {
    connected = false;
    if (failure.status !== 412) model.set("connection", WORDS[failure.status] ?? WORDS.gone);
  }

  async function listen() {
    let pause = FIRST_PAUSE;
    for (;;) {
      try {
        if (!connected) await connect();
        pause = FIRST_PAUSE;
        const news = await ask(`changes/${serial}`);
        await sending; // so that it is known whether a change of this page came before or after it
        take(news);
      } catch (failure) {
        lose(failure);
        taking ||= failure.status === 409;
        await new Promise((go) => {
          wake = go; // the reader may reconnect earlier; only the reader takes it back from another page
          if (failure.status !== 409) setTimeout(go, pause);
        });
        pause = Math.min(2 * pause, LONGEST_PAUSE);
      }
    }
  }

  listen();
  return {
    ...model,
    set(name, value) {
      if (!Object.is(model.get(name), value)) unsent[name] = value;
      model.set(name, value);
    },
    save_changes: save,
    connect: () => wake(),
  };
}
