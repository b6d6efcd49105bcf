import type { DeviceChoice } from '../backends/backend.ts';

/** One thing that a training needs, as it is on this machine. */
export interface Finding {
  name: string;
  /** `warn` slows or delays a training, `fail` prevents it. */
  status: 'ok' | 'warn' | 'fail';
  detail: string;
  /** What to do; none where all is well. */
  advice?: string;
}

export interface CheckOptions {
  device: DeviceChoice;
  dataset?: string | undefined;
  dataDir?: string | undefined;
  /** The bucket to publish to, where there is one. */
  publish?: string | undefined;
}

/** Looks at one thing; never throws. */
export type Check = (options: CheckOptions) => Promise<Finding[]>;

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
