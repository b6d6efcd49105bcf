/** Where a barrier keeps its two numbers in an Int32Array on shared memory. */
const ARRIVED = 0;
const GENERATION = 1;

/** Int32 numbers that a barrier takes. */
export const BARRIER_LENGTH = 2;

/**
 * Waits until `parties` threads have called it; then all go on. It can be used again at once. What a thread
 * wrote to shared memory before is seen by all after.
 *
 * @param state BARRIER_LENGTH numbers on a SharedArrayBuffer, 0 at first
 */
export function waitForAll(state: Int32Array, parties: number): void {
  const generation = Atomics.load(state, GENERATION);
  if (Atomics.add(state, ARRIVED, 1) === parties - 1) {
    Atomics.store(state, ARRIVED, 0);
    Atomics.add(state, GENERATION, 1);
    Atomics.notify(state, GENERATION);
    return;
  }
  while (Atomics.load(state, GENERATION) === generation) {
    Atomics.wait(state, GENERATION, generation);
  }
}
