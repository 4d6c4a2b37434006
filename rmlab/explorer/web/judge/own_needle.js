// The reader's own head as a second needle of the probe: the model and the head both answer each edit.
import { Z95 } from "../charts/bins.js";
import { OWN_HEAD } from "./own_head.js";

const TEXTS = ["prompt", "response_a", "response_b"];

/**
 * Keep the trait `second` up to date with the texts, once the head is fitted; returns a function that ends it.
 *
 * Its scores are known up to a constant, as all scores are; the interval of the difference comes from the uncertainty of the fit.
 */
export function ownNeedle(store, head, client) {
  const texts = () => TEXTS.map((name) => store.get(name));
  const key = () => JSON.stringify([texts(), head.version()]);
  let asked = ""; // key of what was asked last, and what the head said of it, once it has
  let said = null;

  const tell = () => store.set({ second: { name: OWN_HEAD, ...said, answered: store.get("request") } });

  async function follow() {
    const mine = key();
    const { fitted } = head.state();
    if (!fitted && store.get("second").name === OWN_HEAD) store.set({ second: {} }); // its labels were taken back
    if (!fitted || store.get("answered") !== store.get("request")) return;
    if (mine === asked) {
      if (said && store.get("second").answered !== store.get("request")) tell(); // the same texts were answered again
      return;
    }
    [asked, said] = [mine, null];
    const [prompt, ...responses] = texts();
    try {
      const features = await client.features(responses.map((response) => ({ prompt, response })), { slot: OWN_HEAD });
      if (key() !== mine) return;
      const { scores, value, error } = head.scores(...features);
      said = { scores, interval: [value - Z95 * error, value + Z95 * error] };
    } catch (error) {
      if (error.kind === "superseded" || key() !== mine) return;
      said = { scores: [null, null], error: `${OWN_HEAD} gave no score: ${error.message}` };
    }
    tell();
  }
  const ends = [head.on(follow), store.on([...TEXTS, "answered"], follow)];
  follow();
  return () => ends.forEach((end) => end());
}
