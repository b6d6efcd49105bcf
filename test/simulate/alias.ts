/**
 * `npm run simulate:alias [-- file]`: simulates how long a moved alias takes to reach every isolate. The Worker's own follower
 * runs in each, with a simulated clock and bucket. The same seed gives the same figures.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import seedrandom from 'seedrandom';
import type { AliasReport, AliasSimulation } from './alias-report.ts';

const {
  args: [output = join(import.meta.dirname, '../../docs/simulations/alias.json')],
} = new Command('npm run simulate:alias --')
  .description('Simulates how long a moved alias takes to reach every isolate.')
  .argument('[file]', 'file for the result (default: docs/simulations/alias.json)')
  .parse();
const seed = 1;
const assumptions = {
  seed,
  isolates: 400,
  // A read of R2 from a Worker in the same region, with a tail; and manifest, weights and warm-up after it.
  aliasRead: { least: 20, meanFurther: 40 },
  versionLoad: { least: 150, meanFurther: 150 },
};
const rates = [0.02, 0.2, 2, 20];

// The follower is checked with the Worker's types, this file with Node's.
const module = new URL('./simulate-alias.ts', import.meta.url).href;
const { simulateAlias } = (await import(module)) as {
  simulateAlias: (
    simulation: AliasSimulation,
    random: () => number,
    settle: () => Promise<void>,
  ) => Promise<AliasReport>;
};
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

const reports: AliasReport[] = [];
console.log(
  'requests/s  reads/min  first new answer, s: median    p99   last  last old answer, s  late',
);
for (const requestsPerSecond of rates) {
  const random = seedrandom(`${seed}/${requestsPerSecond}`);
  const report = await simulateAlias({ ...assumptions, requestsPerSecond }, random, settle);
  reports.push(report);
  const { firstNewAnswer: first } = report;
  const columns = [
    String(requestsPerSecond).padStart(10),
    report.readsPerIsolatePerMinute.toFixed(1).padStart(9),
    first.median.toFixed(1).padStart(27),
    first.p99.toFixed(1).padStart(6),
    first.last.toFixed(1).padStart(6),
    report.lastOldAnswer.toFixed(1).padStart(18),
    String(report.late).padStart(4),
  ];
  console.log(columns.join('  '));
}
await mkdir(dirname(output), { recursive: true });
await writeFile(output, `${JSON.stringify({ assumptions, reports }, null, 2)}\n`);
if (reports.some(({ late }) => late > 0)) {
  console.error('An isolate answered with the old version for longer than is promised.');
  process.exitCode = 1;
}
