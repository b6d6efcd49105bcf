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
  /** Each sample is the mean of so many passes. */
  passesPerSample: z.int().positive(),
});

/** From the start of workerd's process to the first answer. */
const coldStartRowSchema = z.object({ name: z.string(), ms: milliseconds });

const memoryRowSchema = z.object({
  name: z.string(),
  /** What V8 counts of JavaScript's objects, at most. */
  heapBytes: z.int(),
  /** What array buffers hold beside it; WebAssembly's memory is not counted. */
  arrayBufferBytes: z.int(),
  /** The resident set of all of workerd, null if the system does not report it. */
  processBytes: z.int().nullable(),
});

/** What the Worker holds after so many predictions. */
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

const everyImageSchema = z.object({
  images: z.int().positive(),
  largestLogitDifference: z.number(),
  /** Images that the two give different labels. */
  otherLabels: z.int(),
});

/** What `npm run bench:edge -- --json` prints. */
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
  /** Of 64 test images, from the first contestant's. */
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
  /** The Worker as it is uploaded, without the page. */
  bundle: z.object({ bytes: z.int(), gzipBytes: z.int() }),
});

export type Report = z.infer<typeof reportSchema>;
export type ForwardRow = z.infer<typeof forwardRowSchema>;
export type ColdStartRow = z.infer<typeof coldStartRowSchema>;
export type MemoryRow = z.infer<typeof memoryRowSchema>;
export type SoakRow = z.infer<typeof soakRowSchema>;
export type EveryImage = z.infer<typeof everyImageSchema>;
export type HttpRow = z.infer<typeof httpRowSchema>;
