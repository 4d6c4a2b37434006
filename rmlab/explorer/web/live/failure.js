// What can go wrong with a model in the page. `kind` is one of "no-simd", "download", "memory", "too-long", "model";
// "superseded" and "closed" are not faults, but requests that nobody waits for.

export class LiveError extends Error {
  constructor(kind, words) {
    super(words);
    this.kind = kind;
  }
}

const SHORT_OF_MEMORY = /RangeError|out of memory|bad_alloc|allocation failed|memory access out of bounds|could not allocate|cannot enlarge memory/i;

/** The LiveError for whatever was thrown while the model was opened or asked. */
export function asFailure(thrown, kind = "model") {
  if (thrown instanceof LiveError) return thrown;
  const words = String(thrown?.message ?? thrown);
  if (thrown instanceof RangeError || SHORT_OF_MEMORY.test(words)) {
    return new LiveError("memory", "This browser has too little memory for the model. Close other tabs, or use a computer with more.");
  }
  return new LiveError(kind, words);
}
