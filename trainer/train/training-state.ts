import { type SharedState, stepLoss } from './shared-state.ts';

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

/**
 * Copies the vectors into the state. The number of workers may be another than when they were saved, as on another backend.
 *
 * @throws {RangeError} if the vectors are of another network, recipe or number of images
 */
export function restoreVectors(state: SharedState, vectors: TrainingVectors): void {
  const { losses } = vectors;
  const restored = losses ? { ...vectors, losses: lossesFor(state, losses) } : vectors;
  for (const name of vectorNames) {
    const [target, source] = [state[name], restored[name]];
    if (target?.length !== source?.length) {
      throw new RangeError(
        `The checkpoint has ${source?.length ?? 0} numbers of ${name}, but this training needs ${target?.length ?? 0}: it is of another network, recipe or number of images.`,
      );
    }
    if (source) target?.set(source);
  }
}

/** Adds up the workers' parts of each step's loss, for the first one of a state with another number of workers. */
function lossesFor({ losses, gradients }: SharedState, saved: Float32Array): Float32Array {
  const workers = gradients.length;
  const savedWorkers = (saved.length * workers) / losses.length;
  if (savedWorkers === workers || !Number.isInteger(savedWorkers)) return saved;
  const converted = new Float32Array(losses.length);
  for (let step = 0; step < losses.length / workers; step++) {
    converted[step * workers] = stepLoss(saved, step, savedWorkers);
  }
  return converted;
}
