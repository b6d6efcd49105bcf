/** `npm run test:load`: mixed traffic while the alias moves and the bucket fails. `-- --help` has the options. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import seedrandom from 'seedrandom';

const options = new Command('npm run test:load --')
  .description(
    "Sends requests to all routes of the deployed Worker, in workerd, over many connections, while the alias moves to another version every 2 s and some of the bucket's reads fail. Exit code 1 if an answer is not that of the version it names, names a version that was neither requested nor recently named by the alias, or fails in an undocumented way.",
  )
  .option('--seconds <n>', 'duration in seconds', toWhole(1), 60)
  .option('--connections <n>', 'concurrent connections', toWhole(1), 64)
  .option('--failing <percent>', 'percentage of reads that fail', toWhole(0), 5)
  .option('--seed <n>', 'seed of the random requests and failures', toWhole(0), 1)
  .option('--json', 'print the result as JSON')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ seconds: number; connections: number; failing: number; seed: number; json?: true }>();

// TensorFlow.js and wrangler take seconds to load; --help does not need them.
const { openTarget } = await import('./open-target.ts');
const { runLoad } = await import('./run-load.ts');
const { reportText } = await import('./report-text.ts');
const { thisMachine } = await import('../bench/machine.ts');

const { json = false, ...load } = options;
const folder = await mkdtemp(join(tmpdir(), 'catwalk-load-'));
try {
  const target = await openTarget(folder, seedrandom(`reads ${load.seed}`));
  try {
    const report = await runLoad(target, load);
    const text = json
      ? JSON.stringify({ machine: thisMachine(), ...report }, null, 2)
      : reportText(report);
    console.log(text);
    if (report.faults.length > 0) process.exitCode = 1;
  } finally {
    await target.close();
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

function toWhole(least: number) {
  return (text: string): number => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
  };
}
