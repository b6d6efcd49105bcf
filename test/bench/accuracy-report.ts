import * as z from 'zod';

const seedResultSchema = z.object({
  recipe: z.string(),
  backend: z.string(),
  seed: z.int(),
  threads: z.int(),
  /** Trainings that ran at the same time. */
  jobs: z.int(),
  machine: z.object({
    processor: z.string(),
    cores: z.number(),
    memoryGiB: z.number(),
    platform: z.string(),
    node: z.string(),
  }),
  /** On the 10,000 test images after each epoch; the training steps' seconds since the start. */
  epochs: z.array(z.object({ accuracy: z.number(), loss: z.number(), seconds: z.number() })).min(1),
});

/** docs/bench/accuracy.json */
export const accuracyReportSchema = z.object({
  results: z.array(seedResultSchema),
});

export type SeedResult = z.output<typeof seedResultSchema>;
export type AccuracyReport = z.output<typeof accuracyReportSchema>;
