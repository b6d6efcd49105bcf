/**
 * Makes a clock for intervals of one that may be set. A Worker has no other: its `performance.now()` is `Date.now()`. If the system's
 * clock is set back, this one stands still until the next reading. If it is set forward, that time counts as elapsed.
 *
 * @param now milliseconds since 1970
 * @returns milliseconds that never decrease. Only differences mean anything
 */
export function elapsedClock(now: () => number): () => number {
  let latest = now();
  let elapsed = 0;
  return function readElapsed() {
    const time = now();
    elapsed += Math.max(0, time - latest);
    latest = time;
    return elapsed;
  };
}
