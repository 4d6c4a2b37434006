// Requests to the server that this page came from.
import { Refusal } from "./refusal.js";

const LONGEST_WAIT = 20_000; // milliseconds

/** Ask `path`, with a body if there is one; returns the parsed JSON, or throws a Refusal (or what `fetch` throws). */
export async function ask(path, body, query = {}) {
  const token = new URL(location.href).searchParams.get("token");
  const search = new URLSearchParams({ ...(token ? { token } : {}), ...query });
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(`${path}?${search}`, { signal: AbortSignal.timeout(LONGEST_WAIT), ...sent });
  if (!answer.ok) throw new Refusal(answer.status, await answer.text());
  return answer.json();
}
