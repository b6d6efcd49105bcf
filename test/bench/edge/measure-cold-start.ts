import { join } from 'node:path';
import { median } from '../machine.ts';
import type { Bundle } from './bundle.ts';
import { openWorker } from './open-worker.ts';
import type { ColdStartRow } from './report.ts';

export interface Starter {
  name: string;
  bundle: Bundle;
  /** The path to request, such as /predict?index=0. */
  path: string;
  /** Variables that override the configuration's. */
  variables?: Record<string, string>;
  /** Whether its bucket is empty (default: it has the model). */
  isBucketEmpty?: boolean;
  /** Whether the Worker can read its static assets, among which is the snapshot. */
  withSnapshot?: boolean;
}

const builtAssets = join(import.meta.dirname, '../../../edge/page/build');

export interface ColdStartOptions {
  folder: string;
  persistTo: string;
  rounds: number;
  progress: (line: string) => void;
}

/** Returns the median time from the start of workerd, with all files on this disk, to the first answer. The contestants take turns. */
export async function measureColdStart(
  starters: readonly Starter[],
  { folder, persistTo, rounds, progress }: ColdStartOptions,
): Promise<ColdStartRow[]> {
  const series = starters.map((starter) => ({ ...starter, milliseconds: [] as number[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { bundle, path, variables = {}, milliseconds, ...starter } of series) {
      const worker = await openWorker({
        bundle,
        folder,
        variables,
        ...(!starter.isBucketEmpty && { persistTo }),
        ...(starter.withSnapshot && { ownAssets: builtAssets }),
        async untilAnswered(url) {
          const response = await fetch(`${url}${path}`);
          const body = await response.text();
          if (!response.ok) throw new Error(`${path} answered ${response.status}: ${body}`);
        },
      });
      milliseconds.push(worker.startMilliseconds);
      await worker.close();
    }
    progress(`cold start: round ${round} of ${rounds}`);
  }
  return series.map(({ name, milliseconds }) => ({ name, ms: median(milliseconds) }));
}
