// What stands in for anywidget's model on a page that `rmlab explore` serves: the same state, kept in the serving process.
import { localModel } from "./store.js";

/** A model whose changes go to the server, the newest value of each name, and which hears of the server's. */
export function remoteModel(values) {
  const model = localModel(values);
  const page = new URL(location.href).searchParams;
  const me = crypto.randomUUID();
  const ask = (path, options) => fetch(`${path}?token=${encodeURIComponent(page.get("token"))}&client=${me}`, options);
  let unsent = {};
  let sending = false;
  let serial = values.serial;

  async function send() {
    if (sending) return; // one at a time: what changes meanwhile goes with the next
    sending = true;
    while (Object.keys(unsent).length) {
      const body = JSON.stringify(unsent);
      unsent = {};
      try {
        const answer = await ask("state", { method: "POST", body });
        if (answer.status === 422) model.set("error", await answer.text());
        else if (!answer.ok) throw new Error(answer.statusText);
      } catch {
        model.fire("comm_live_update");
      }
    }
    sending = false;
  }

  async function listen() {
    for (;;) {
      try {
        const answer = await ask(`changes/${serial}`);
        if (!answer.ok) throw new Error(answer.statusText);
        const { serial: latest, values: changed } = await answer.json();
        serial = latest;
        for (const [name, value] of Object.entries(changed)) if (!(name in unsent)) model.set(name, value);
      } catch {
        return model.fire("comm_live_update");
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
    save_changes: send,
  };
}
