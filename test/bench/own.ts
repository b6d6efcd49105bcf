/** `npm run bench:own -- <case>`: accuracy and time on a folder of one's own pictures. `-- --help` has the options. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Argument, Command } from 'commander';
import * as z from 'zod';
import { percent } from '../../node/text.ts';
import { writeTomatoes } from '../support/datasets/write-tomatoes.ts';
import { median, thisMachine } from './machine.ts';
import { timeStart } from './time-start.ts';

const cli = join(import.meta.dirname, '../../trainer/cli.ts');

/** The trainings of each case, and what each has to reach. */
const cases = {
  cifar: [
    { name: 'residual', minAccuracy: 0.87, maxMinutes: 15 },
    { name: 'best', minAccuracy: 0.89, maxMinutes: 30 },
  ].map((goal) => ({ ...goal, flags: ['--network', 'residual', '--recipe', goal.name] })),
  photos: [
    { name: 'mobilenet', minAccuracy: 0.86, maxMinutes: 60 / 60 },
    { name: 'fast', minAccuracy: 0.8, maxMinutes: 30 / 60 },
    { name: 'best', minAccuracy: 0.88, maxMinutes: 150 / 60 },
  ].map((goal) => ({ ...goal, flags: ['--network', 'mobilenet', '--recipe', goal.name] })),
  // The first is what a newcomer gets.
  tomatoes: [
    { name: 'auto', flags: [] },
    { name: 'tutorial', flags: ['--network', 'tutorial'] },
  ].map((goal) => ({ ...goal, minAccuracy: 0.99, maxMinutes: 60 / 60 })),
};
/** Pictures per kind of tomato. */
const tomatoCounts = { train: 200, test: 100 };

const options = new Command('npm run bench:own --')
  .description(
    "Trains on a folder of pictures with the command that users run, and reports test accuracy and minutes since the command: cifar (CIFAR-10 in train/<label>/ and test/<label>/) with the residual network; photos (such as clothing-dataset-small) with mobilenet, by npm start, until the finished model answers; tomatoes (four kinds that differ only in colour, drawn anew) with npm start, without options and with the tutorial's network.",
  )
  .addArgument(new Argument('<case>').choices(Object.keys(cases)))
  .option('--dataset <folder>', 'the pictures, of cifar and photos')
  .option(
    '--only <name>',
    'only this training, by its name in the report (default: all of the case)',
  )
  .option('--backbone <folder|url>', "MobileNet's pretrained layers (default: downloaded)")
  .option('--seeds <n>', 'seeds 1 to n', '1')
  .option('--json', 'print the result as JSON')
  .parse();
const { only, backbone, seeds, json, ...given } = options.opts<{
  dataset?: string;
  backbone?: string;
  only?: string;
  seeds: string;
  json?: boolean;
}>();
const [chosen] = options.args as [keyof typeof cases];
const drawn = chosen === 'tomatoes' ? await mkdtemp(join(tmpdir(), 'catwalk-bench-')) : null;
const dataset =
  drawn === null
    ? (given.dataset ?? options.error(`error: ${chosen} needs --dataset`, { exitCode: 2 }))
    : join(drawn, 'tomatoes');
if (drawn !== null) await writeTomatoes(dataset, tomatoCounts);

interface TrainingResult {
  accuracy: number;
  /** Since the start of the command, with reading, tests and report. */
  minutes: number;
  /** Of the last epoch. */
  imagesPerSecond?: number;
  /** The same with images and features in the cache. */
  minutesAgain?: number;
}

const epochEvent = z.object({
  event: z.literal('epoch'),
  epoch: z.number(),
  metrics: z.object({ accuracy: z.number() }),
  imagesPerSecond: z.number(),
});

const report = [];
for (const { name, flags, minAccuracy, maxMinutes } of cases[chosen]) {
  if (only !== undefined && only !== name) continue;
  const results: TrainingResult[] = [];
  for (let seed = 1; seed <= Number(seeds); seed++) {
    const seeded = [...flags, '--seed', String(seed)];
    results.push(chosen === 'cifar' ? await train(seeded) : await serve(seeded));
  }
  const accuracies = results.map(({ accuracy }) => accuracy);
  const accuracy = accuracies.reduce((sum, value) => sum + value, 0) / results.length;
  const minutes = median(results.map((result) => result.minutes));
  const isReached = accuracy >= minAccuracy && minutes <= maxMinutes;
  report.push({ recipe: name, accuracy, accuracies, minutes, isReached, results });
  process.stderr.write(
    `${name}: ${percent(accuracy)} after ${minutes.toFixed(1)} minutes; ${isReached ? 'reached' : 'missed'}: ${percent(minAccuracy)} within ${maxMinutes}\n`,
  );
}
if (drawn !== null) await rm(drawn, { recursive: true });
if (json) process.stdout.write(`${JSON.stringify({ machine: thisMachine(), report }, null, 2)}\n`);

/** Runs `npm start` with an empty cache, then again with what it has cached. */
async function serve(flags: readonly string[]): Promise<TrainingResult> {
  const cache = await mkdtemp(join(tmpdir(), 'catwalk-bench-cache-'));
  const place = ['--dataset', dataset, ...(backbone === undefined ? [] : ['--backbone', backbone])];
  try {
    const first = await timeStart([...flags, ...place], cache);
    const again = await timeStart([...flags, ...place], cache);
    process.stderr.write(
      `  ${flags.join(' ')}: ${percent(first.accuracy)} after ${(60 * first.minutes).toFixed(0)} s, again after ${(60 * again.minutes).toFixed(0)} s\n`,
    );
    return { ...first, minutesAgain: again.minutes };
  } finally {
    await rm(cache, { recursive: true });
  }
}

async function train(flags: readonly string[]): Promise<TrainingResult> {
  const start = performance.now();
  const runs = join(tmpdir(), 'catwalk-bench-runs');
  const argv = ['train', '--json', '--dataset', dataset, '--runs', runs, ...flags];
  const child = spawn(process.execPath, [cli, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let last: z.output<typeof epochEvent> | undefined;
  for await (const line of createInterface(child.stdout)) {
    const { success, data } = epochEvent.safeParse(JSON.parse(line));
    if (!success) continue;
    last = data;
    const minutes = (performance.now() - start) / 60_000;
    process.stderr.write(
      `  ${flags.join(' ')}: epoch ${data.epoch} ${percent(data.metrics.accuracy)} after ${minutes.toFixed(1)} minutes\n`,
    );
  }
  if ((await ended) !== 0 || !last) throw new Error(`catwalk ${argv.join(' ')} failed.`);
  const minutes = (performance.now() - start) / 60_000;
  return { accuracy: last.metrics.accuracy, minutes, imagesPerSecond: last.imagesPerSecond };
}
