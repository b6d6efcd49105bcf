/**
 * `npm run test:load`: mixed traffic while the alias moves and the bucket fails. `-- outage` and `-- models` test an outage of the bucket
 * and many models. `-- --help` has the options.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import seedrandom from 'seedrandom';

const command = new Command('npm run test:load --')
  .description(
    "Sends requests to all routes of the deployed Worker, in workerd, over many connections, while the alias moves to another version every 2 s and some of the bucket's reads fail. Exit code 1 if an answer is not that of the version it names, names a version that was neither requested nor recently named by the alias, or fails in an undocumented way.",
  )
  .addArgument(
    new Argument(
      '[mode]',
      'traffic; outage: 67 isolates, one after the other, while the bucket does not answer; models: 200 of 1,000 models in one bucket',
    )
      .choices(['traffic', 'outage', 'models'])
      .default('traffic'),
  )
  .option('--seconds <n>', 'duration in seconds; of each isolate in an outage', toWhole(1), 60)
  .option('--connections <n>', 'concurrent connections', toWhole(1), 64)
  .option('--failing <percent>', 'percentage of reads that fail', toWhole(0), 5)
  .option('--seed <n>', 'seed of the random requests and failures', toWhole(0), 1)
  .option('--json', 'print the result as JSON')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();
const options = command.opts<{
  seconds: number;
  connections: number;
  failing: number;
  seed: number;
  json?: true;
}>();
const [mode] = command.processedArgs as ['traffic' | 'outage' | 'models'];

// TensorFlow.js and wrangler take seconds to load; --help does not need them.
const { thisMachine } = await import('../bench/machine.ts');

const { json = false, ...load } = options;
const folder = await mkdtemp(join(tmpdir(), 'catwalk-load-'));
const random = seedrandom(`reads ${load.seed}`);
const run = {
  async traffic() {
    const { openTarget } = await import('./open-target.ts');
    const { runLoad } = await import('./run-load.ts');
    const { reportText } = await import('./report-text.ts');
    const target = await openTarget(folder, random);
    try {
      const report = await runLoad(target, load);
      return { report, text: reportText(report) };
    } finally {
      await target.close();
    }
  },
  async outage() {
    const { runOutage, outageText } = await import('./run-outage.ts');
    const report = await runOutage(folder, { ...load, random });
    return { report, text: outageText(report) };
  },
  async models() {
    const { runModels, modelsText } = await import('./run-models.ts');
    const report = await runModels(folder, { ...load, random });
    return { report, text: modelsText(report) };
  },
};
try {
  const { report, text } = await run[mode]();
  console.log(json ? JSON.stringify({ machine: thisMachine(), ...report }, null, 2) : text);
  if (report.faults.length > 0) process.exitCode = 1;
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
