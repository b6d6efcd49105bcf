import type { SharedState } from './shared-state.ts';

/** How far a training is. Image order, dropout and augmentation follow from the seed and the step. */
export interface TrainingPosition {
  /** Counts from 1; one more than the recipe's epochs if the training is finished. */
  epoch: number;
  /** Finished steps of this epoch. */
  step: number;
  /** Time of the training steps in all, without tests and pauses. */
  seconds: number;
  /** The same in this epoch. */
  epochSeconds: number;
  /** The epoch with the best validation accuracy; 0 if there is none. */
  best: { epoch: number; accuracy: number };
}

/** The flat vectors that a training resumes from. `average` is absent if the recipe keeps none. */
export const vectorNames = [
  'parameters',
  'firstMoments',
  'secondMoments',
  'average',
  'losses',
] as const;
export type TrainingVectors = Partial<Record<(typeof vectorNames)[number], Float32Array>>;

/** A training between two steps. Resumed from it, it reaches the same weights as without the interruption. */
export interface TrainingState {
  position: TrainingPosition;
  vectors: TrainingVectors;
}

export const firstPosition: TrainingPosition = {
  epoch: 1,
  step: 0,
  seconds: 0,
  epochSeconds: 0,
  best: { epoch: 0, accuracy: -1 },
};

/** Copies the vectors; no worker may be running. */
export function copyVectors(state: SharedState): TrainingVectors {
  const copies = vectorNames.map((name) => [name, state[name]?.slice()] as const);
  return Object.fromEntries(copies.filter(([, vector]) => vector !== undefined));
}

/** @throws {RangeError} if the vectors are of another network, recipe or number of images */
export function restoreVectors(state: SharedState, vectors: TrainingVectors): void {
  for (const name of vectorNames) {
    const [target, source] = [state[name], vectors[name]];
    if (target?.length !== source?.length) {
      throw new RangeError(
        `The checkpoint has ${source?.length ?? 0} numbers of ${name}, but this training needs ${target?.length ?? 0}: it is of another network, recipe or number of images.`,
      );
    }
    if (source) target?.set(source);
  }
}
