import type { SharedState } from './shared-state.ts';

/** How far a training is. Order, dropout and changes of images follow from the seed and the step, so this is all of it. */
export interface TrainingPosition {
  /** Counts from 1; one more than the recipe's where the training is finished. */
  epoch: number;
  /** Steps of this epoch that are done. */
  step: number;
  /** Time of the training steps alone: in all, and in this epoch. */
  seconds: number;
  epochSeconds: number;
  /** The epoch with the best validation accuracy; 0 where there is none. */
  best: { epoch: number; accuracy: number };
}

/** Names of the flat vectors that a training goes on from; `average` is absent where none is kept. */
export const vectorNames = [
  'parameters',
  'firstMoments',
  'secondMoments',
  'average',
  'losses',
] as const;
export type TrainingVectors = Partial<Record<(typeof vectorNames)[number], Float32Array>>;

/** A training between two steps: from it, the same weights follow as without an interruption. */
export interface TrainingState {
  position: TrainingPosition;
  vectors: TrainingVectors;
}

/** Where a training starts. */
export const firstPosition: TrainingPosition = {
  epoch: 1,
  step: 0,
  seconds: 0,
  epochSeconds: 0,
  best: { epoch: 0, accuracy: -1 },
};

/** Copies what the replicas work on; they must stand still. */
export function copyVectors(state: SharedState): TrainingVectors {
  const copies = vectorNames.map((name) => [name, state[name]?.slice()] as const);
  return Object.fromEntries(copies.filter(([, vector]) => vector !== undefined));
}

/** @throws {RangeError} where the vectors are of another network, recipe or number of images */
export function restoreVectors(state: SharedState, vectors: TrainingVectors): void {
  for (const name of vectorNames) {
    const [target, source] = [state[name], vectors[name]];
    if (target?.length !== source?.length) {
      throw new RangeError(
        `The checkpoint has ${source?.length ?? 0} numbers of ${name}, this training ${target?.length ?? 0}.`,
      );
    }
    if (source) target?.set(source);
  }
}
