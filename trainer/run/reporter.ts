import type { Manifest } from '../../shared/registry/manifest.ts';
import type { AliasMoveResult } from '../registry/move-alias.ts';
import type { TrainingEvent } from '../train/training-types.ts';

/** What a training reports. */
export type TrainReport =
  | { event: 'message'; message: string }
  | { event: 'dataset'; name: string; train: number; test: number; source: string }
  | { event: 'model'; name: string; summary: string[]; parameters: number }
  | Exclude<TrainingEvent, { event: 'checkpoint' }>
  /** A checkpoint is written. */
  | { event: 'checkpoint'; epoch: number; step: number; where: string }
  | { event: 'published'; epoch: number; manifest: Manifest; alias: string; move: AliasMoveResult }
  | {
      event: 'finished';
      accuracy: number;
      seconds: number;
      run: string;
      /** The peak resident set size of this process. */
      peakBytes: number;
    };

/** Displays the reports of a training, in order. */
export interface Reporter {
  report(report: TrainReport): void;
  /** Restores the terminal, also after a failed training. */
  close(): void;
}
