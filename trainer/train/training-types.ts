import type { io } from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { TrainingSpec } from '../../shared/model/training-spec.ts';
import type { Metrics, WeightType } from '../../shared/registry/manifest.ts';
import type {
  BackendChoice,
  DeviceChoice,
  OpenBackend,
  SkippedBackend,
} from '../backend/backend.ts';
import type { Dataset } from '../data/dataset.ts';
import type { LayerTensor } from '../weights/tensor.ts';
import type { Distillation } from './distillation.ts';
import type { Recipe } from './recipe.ts';
import type { TrainingState } from './training-state.ts';

/** The layers before those that are trained. They stay as they are. */
export interface FrozenLayers {
  /** The whole network, which is published. */
  spec: ModelSpec;
  /** Kernel and bias of each frozen layer, in order. */
  weights: readonly LayerTensor[];
}

export interface TrainOptions {
  spec: TrainingSpec;
  /** If the training images have several views each, one after the other, every step draws one of an image. */
  dataset: Pick<Dataset, 'train' | 'test' | 'validation'>;
  recipe: Recipe;
  /** The same seed, backend and number of threads give the same weights, bit for bit. */
  seed: number;
  backend: BackendChoice;
  device?: DeviceChoice | undefined;
  /** Threads that share every batch (default: one per core, if each gets at least 8 images). */
  threads?: number | undefined;
  /** Trains on the first images only, this many (default: all). */
  limit?: number | undefined;
  /** Type of the weights that are tested and returned (default: float32). Training is always float32. */
  dtype?: WeightType | undefined;
  /** When to return checkpoints (default: never). */
  checkpoints?: CheckpointTimes | undefined;
  /** Weights of the first layers, kernel and bias of each as published, to start from. The seed draws those of the others (default: all). */
  initial?: readonly LayerTensor[] | undefined;
  /** The layers whose outputs the data set has instead of images (default: none). */
  frozen?: FrozenLayers | undefined;
  /** Networks to learn from (default: the labels only). */
  distillation?: Distillation | undefined;
  /** Resumes from this state instead of new weights. */
  resumeFrom?: TrainingState | undefined;
  /** Ends the training after the current step with a checkpoint, if there are any, and throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A checkpoint is taken when one of these is due, and after each epoch. */
export interface CheckpointTimes {
  /** Steps of an epoch between checkpoints. */
  steps?: number | undefined;
  seconds?: number | undefined;
}

/** The events of a training, in order. */
export type TrainingEvent =
  | {
      event: 'started';
      backend: OpenBackend;
      /** The backends that were tried before this one. */
      skipped: SkippedBackend[];
      threads: number;
      images: number;
      /** Per epoch. */
      steps: number;
      epochs: number;
      batchSize: number;
    }
  | { event: 'progress'; epoch: number; step: number; loss: number; imagesPerSecond: number }
  | {
      event: 'epoch';
      epoch: number;
      /** On the test images. */
      metrics: Metrics;
      /** On the validation images, if the recipe keeps some. */
      validation: Metrics | null;
      /** [test image][label], flat. The next epoch overwrites them. */
      logits: Float32Array;
      /** Mean loss of the epoch's batches, with dropout. */
      trainLoss: number;
      /** Time of the training steps since the start, without tests and pauses. */
      seconds: number;
      /** In this epoch. */
      imagesPerSecond: number;
      artifacts: io.ModelArtifacts;
    }
  /** The validation accuracy did not improve for the recipe's `patience`. */
  | { event: 'stopped-early'; epoch: number; bestEpoch: number; bestAccuracy: number }
  /** The state is a copy, valid while the training continues. */
  | { event: 'checkpoint'; state: TrainingState };
