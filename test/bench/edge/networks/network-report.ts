import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { weightTypes } from '../../../../shared/registry/manifest.ts';
import { names } from '../names.ts';
import { reportSchema } from '../report.ts';

/** The output of `npm run bench:edge -- --json --network …`. */
export const networkReportSchema = z.object({
  network: z.string(),
  /** The type in which the published version stores its weights. */
  dtype: z.enum(weightTypes),
  ...reportSchema.pick({
    machine: true,
    largestLogitDifference: true,
    forward: true,
    coldStart: true,
    photos: true,
  }).shape,
});

export type NetworkReport = z.infer<typeof networkReportSchema>;

/** docs/bench/networks.json. */
export const savedSchema = z.object({ results: z.array(networkReportSchema) });

/** Replaces the report of the same network and type in docs/bench/networks.json. */
export async function saveNetworkReport(report: NetworkReport): Promise<void> {
  const file = join(import.meta.dirname, '../../../../docs/bench/networks.json');
  const { results } = savedSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const name = ({ network, dtype }: NetworkReport) => `${network} ${dtype}`;
  const others = results.filter((each) => name(each) !== name(report));
  const kept = [...others, report].toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
  await writeFile(file, `${JSON.stringify({ results: kept }, null, 2)}\n`);
}

/** Formats a report for people. */
export function networkReportText(report: NetworkReport): string {
  const { machine, network, dtype, forward, coldStart, photos, largestLogitDifference } = report;
  const own = forward.find(({ name }) => name === names.catwalk)?.p50Ms ?? Number.NaN;
  const lines = [
    `${network}, ${dtype}, on ${machine.processor}, ${machine.cores} cores, Node ${machine.node}, workerd ${machine.workerd}`,
    columns('Forward pass', ['p50 ms', 'p95 ms', 'of Catwalk', 'logits off']),
    ...forward.map(({ name, p50Ms, p95Ms }) =>
      columns(name, [
        p50Ms.toFixed(3),
        p95Ms.toFixed(3),
        `${(p50Ms / own).toFixed(2)}x`,
        (largestLogitDifference[name] ?? Number.NaN).toExponential(1),
      ]),
    ),
    columns('Start to first answer', ['ms']),
    ...coldStart.map(({ name, ms }) => columns(name, [ms.toFixed(0)])),
    columns('Photos', ['first ms', 'p50 ms', 'CPU ms', 'peak MB']),
    ...photos.map(({ name, photo, firstMs, p50Ms, cpuMs, peakBytes }) =>
      columns(`${photo}, ${name}`, [
        firstMs.toFixed(0),
        p50Ms.toFixed(1),
        (cpuMs ?? Number.NaN).toFixed(1),
        ((peakBytes ?? Number.NaN) / 1e6).toFixed(0),
      ]),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const columns = (name: string, cells: readonly string[]) =>
  name.padEnd(34) + cells.map((cell) => cell.padStart(14)).join('');
