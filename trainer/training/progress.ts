/** What the Int32Array `progress` of the shared state holds. */

/** Steps of this epoch that are done. */
export const STEPS_DONE = 0;
/** 1 where the main thread wants the replicas to stop after the step that they are at. */
export const PAUSE_ASKED = 1;
/** What the first replica made of it, at a step that all replicas agree on. */
export const PAUSED = 2;

/** Int32 numbers in all. */
export const PROGRESS_LENGTH = 3;
