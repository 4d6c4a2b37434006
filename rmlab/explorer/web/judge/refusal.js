// What a page of judging hears when a question is refused, whoever answers: a server, a kernel, or the page itself.

export class Refusal extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** Wait. */
export const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));
