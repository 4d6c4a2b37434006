// The error for a refused request, whether a server, a kernel or the page itself refuses it.

export class Refusal extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** Wait. */
export const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));
