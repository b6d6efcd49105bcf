import type { Manifest } from '../../shared/registry/manifest.ts';
import type { AliasMoveResult } from '../registry/move-alias.ts';
import type { TrainingEvent } from '../train/train.ts';

/** What a training tells whoever watches it. */
export type TrainReport =
  | { event: 'message'; message: string }
  | { event: 'dataset'; name: string; train: number; test: number; source: string }
  | { event: 'model'; name: string; summary: string[]; parameters: number }
  | Exclude<TrainingEvent, { event: 'checkpoint' }>
  /** A checkpoint is whole. */
  | { event: 'checkpoint'; epoch: number; step: number; where: string }
  | { event: 'published'; epoch: number; manifest: Manifest; alias: string; move: AliasMoveResult }
  | {
      event: 'finished';
      accuracy: number;
      seconds: number;
      run: string;
      /** The largest resident set of this process so far. */
      peakBytes: number;
    };

/** Shows a training's reports, in the order in which they come. */
export interface Reporter {
  report(report: TrainReport): void;
  /** Leaves the terminal as it was, also when the training failed. */
  close(): void;
}
