import type { Check, CheckOptions, Finding } from './check.ts';
import { checkBackends } from './check-backends.ts';
import { checkBucket } from './check-bucket.ts';
import { checkDataset } from './check-dataset.ts';
import { checkGpu } from './check-gpu.ts';
import { checkMachine } from './check-machine.ts';

const checks: readonly Check[] = [checkMachine, checkGpu, checkBackends, checkDataset, checkBucket];

/** Looks at everything that a training needs, in turn. */
export async function* examine(options: CheckOptions): AsyncGenerator<Finding, void, void> {
  for (const check of checks) yield* await check(options);
}
