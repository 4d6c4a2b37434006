// Computes scores outside the page's thread, so that typing never waits: a message { id, method, argument } is answered by { id, result } or
// { id, failure }. The first opens the model.
import { asFailure } from "./failure.js";
import { openScorer } from "./scorer.js";

let scorer = null;
let asked = null; // the newest request

const fail = (id, thrown) => {
  const { kind, message } = asFailure(thrown);
  self.postMessage({ id, failure: { kind, message } });
};

// an error that the runtime throws outside its promises would leave the request open for ever
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fail(asked, event.reason);
});

self.onmessage = async ({ data: { id, method, argument } }) => {
  asked = id;
  try {
    if (method === "open") {
      scorer = await openScorer(argument);
      self.postMessage({ id, result: { first_milliseconds: scorer.first_milliseconds } });
    } else {
      self.postMessage({ id, result: await scorer[method](argument) });
    }
  } catch (thrown) {
    fail(id, thrown);
  }
};
