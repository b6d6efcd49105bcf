import * as z from 'zod';
import { metricsSchema } from '../../shared/manifest.ts';
import { runEpochSchema } from '../run/run-records.ts';

const valueSchema = z.union([z.string(), z.number(), z.boolean()]);
const { accuracy, loss } = metricsSchema.shape;

export const sweepNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: 'a name has the letters a to z, digits and dashes, 63 at most',
});

/** sweeps/<name>/sweep.json: written once, by whichever trial comes first. */
export const sweepSchema = z.object({
  schemaVersion: z.literal(1),
  name: z.string(),
  createdAt: z.iso.datetime(),
  /** What makes a trial the best. Never the test set's accuracy: a choice by it would flatter the winner. */
  objective: z.literal('validation accuracy'),
  /** Shared by all trials, as the sweep's file has them. */
  options: z.record(z.string(), valueSchema),
  /** By index: what sets each apart. */
  trials: z.array(z.object({ parameters: z.record(z.string(), valueSchema) })).min(1),
});

export const trialStates = ['running', 'interrupted', 'failed', 'misconfigured', 'done'] as const;

/** sweeps/<name>/trials/<n>/status.json: where a trial is, as it said last. */
export const trialStatusSchema = z.object({
  state: z.enum(trialStates),
  /** Times that it was started, this one included. */
  attempt: z.int().positive(),
  startedAt: z.iso.datetime(),
  /** Of this file: a trial that is running writes it with each checkpoint. */
  updatedAt: z.iso.datetime(),
  host: z.string(),
  /** The last one that is measured; 0 before the first. */
  epoch: z.int().nonnegative(),
  /** Why it failed or is misconfigured. */
  message: z.string().optional(),
});

/** sweeps/<name>/trials/<n>/result.json: that of the epoch that is the most accurate on the validation images. */
export const trialResultSchema = z.object({
  epoch: z.int().positive(),
  validation: z.object({ accuracy, loss }),
  seconds: runEpochSchema.shape.seconds,
});

export type Sweep = z.output<typeof sweepSchema>;
export type TrialStatus = z.output<typeof trialStatusSchema>;
export type TrialResult = z.output<typeof trialResultSchema>;
