import * as z from 'zod';

const milliseconds = z.number().nonnegative();

const forwardRowSchema = z.object({
  name: z.string(),
  /** Images in a pass. */
  batch: z.int().positive(),
  p50Ms: milliseconds,
  p95Ms: milliseconds,
  p99Ms: milliseconds,
  samples: z.int().positive(),
  /** The number of passes of which each sample is the mean. */
  passesPerSample: z.int().positive(),
});

/** From the start of workerd's process to the first answer. */
const coldStartRowSchema = z.object({ name: z.string(), ms: milliseconds });

const memoryRowSchema = z.object({
  name: z.string(),
  /** The maximum size of JavaScript's objects, by V8's count. */
  heapBytes: z.int(),
  /** The size of array buffers, without WebAssembly's memory. */
  arrayBufferBytes: z.int(),
  /** The resident set of workerd's process, null if the system does not report it. */
  processBytes: z.int().nullable(),
});

/** The Worker's memory after this number of predictions. */
const soakRowSchema = z.object({
  predictions: z.int().positive(),
  ...memoryRowSchema.omit({ name: true }).shape,
});

const httpRowSchema = z.object({
  route: z.string(),
  /** One request at a time. */
  p50Ms: milliseconds,
  p99Ms: milliseconds,
  /** Eight at a time. */
  requestsPerSecond: z.number().positive(),
});

/** Answers to a posted photo, one at a time. */
const photoRowSchema = z.object({
  name: z.string(),
  photo: z.string(),
  firstMs: milliseconds,
  /** Per answer, without the first ones, which warm the Worker up. */
  p50Ms: milliseconds,
  /** CPU of workerd's process per request, null if the system does not report it. */
  cpuMs: milliseconds.nullable(),
  /** The largest resident set of the process, likewise. */
  peakBytes: z.int().nullable(),
});

const everyImageSchema = z.object({
  images: z.int().positive(),
  largestLogitDifference: z.number(),
  /** Images that get different labels. */
  otherLabels: z.int(),
});

/** The output of `npm run bench:edge -- --json`. */
export const reportSchema = z.object({
  machine: z.object({
    processor: z.string(),
    cores: z.int(),
    memoryGiB: z.number(),
    platform: z.string(),
    node: z.string(),
    workerd: z.string(),
  }),
  model: z.object({ version: z.string(), accuracy: z.number() }),
  /** The largest difference from the first contestant's logits, over 64 test images. */
  largestLogitDifference: z.record(z.string(), z.number()),
  /** Compared with the stock cpu backend's logits for the whole test set; null if not requested. */
  everyImage: everyImageSchema.nullable(),
  forward: z.array(forwardRowSchema),
  coldStart: z.array(coldStartRowSchema),
  /** Milliseconds of CPU that the script's start-up takes, null if not measured. */
  startUpCpuMs: z.number().nullable(),
  memory: z.array(memoryRowSchema),
  /** Null if not requested. */
  soak: z.array(soakRowSchema).nullable(),
  http: z.array(httpRowSchema),
  /** Older reports have none. */
  photos: z.array(photoRowSchema).default([]),
  /** The Worker as it is uploaded, without the page. */
  bundle: z.object({ bytes: z.int(), gzipBytes: z.int() }),
});

export type Report = z.infer<typeof reportSchema>;
export type ForwardRow = z.infer<typeof forwardRowSchema>;
export type ColdStartRow = z.infer<typeof coldStartRowSchema>;
export type MemoryRow = z.infer<typeof memoryRowSchema>;
export type SoakRow = z.infer<typeof soakRowSchema>;
export type EveryImage = z.infer<typeof everyImageSchema>;
export type PhotoRow = z.infer<typeof photoRowSchema>;
export type HttpRow = z.infer<typeof httpRowSchema>;
