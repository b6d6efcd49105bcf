/** `npm run bench:accuracy`: the accuracy of a recipe, over several seeds. `-- --help` has the options. */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import * as z from 'zod';
import { recipeNames } from '../../trainer/train/recipes.ts';
import { type AccuracyReport, accuracyReportSchema, type SeedResult } from './accuracy-report.ts';
import { thisMachine } from './machine.ts';

const repository = join(import.meta.dirname, '../..');
const dataFile = join(repository, 'docs/bench/accuracy.json');

const epochEvent = z.object({
  event: z.literal('epoch'),
  epoch: z.number(),
  metrics: z.object({ accuracy: z.number(), loss: z.number() }),
  seconds: z.number(),
});

const options = new Command('npm run bench:accuracy --')
  .description(
    'Trains a recipe with several seeds, with the command that users run, and adds the results to docs/bench/accuracy.json. Skips seeds that the file has already.',
  )
  .addOption(new Option('--recipe <name>').choices(recipeNames).default('tutorial'))
  .addOption(new Option('--backend <name>').choices(['wasm', 'tensorflow']).default('wasm'))
  .option('--seeds <n>', 'seeds 1 to n', '3')
  .option('--jobs <n>', 'trainings at the same time, which share the cores', '1')
  .option('--again', 'also train seeds that the file has already')
  .option('--json', 'print all results as JSON')
  .parse()
  .opts<Record<'recipe' | 'backend' | 'seeds' | 'jobs', string> & Record<'again' | 'json', true>>();

const { recipe, backend } = options;
const jobs = Number(options.jobs);
const threads = Math.max(1, Math.floor(availableParallelism() / jobs));

const report = await readReport();
const isSame = (one: SeedResult, seed: number) =>
  one.recipe === recipe && one.backend === backend && one.seed === seed;
const waiting = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1).filter(
  (seed) => options.again || !report.results.some((one) => isSame(one, seed)),
);
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      await keep(await trainSeed(seed));
    }
  }),
);
process.stdout.write(
  options.json
    ? `${JSON.stringify(report, null, 2)}\n`
    : 'Run npm run docs:figures to put the results into the documents.\n',
);

async function readReport(): Promise<AccuracyReport> {
  try {
    return accuracyReportSchema.parse(JSON.parse(await readFile(dataFile, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { results: [] };
  }
}

async function keep(result: SeedResult): Promise<void> {
  report.results = [...report.results.filter((one) => !isSame(one, result.seed)), result].toSorted(
    (a, b) =>
      a.recipe.localeCompare(b.recipe) || a.backend.localeCompare(b.backend) || a.seed - b.seed,
  );
  await writeFile(dataFile, `${JSON.stringify(report, null, 2)}\n`);
}

/** Trains one seed with the trainer's command, and reads the figures from its output. */
async function trainSeed(seed: number): Promise<SeedResult> {
  const child = spawn(
    process.execPath,
    [
      join(repository, 'trainer/cli.ts'),
      'train',
      '--json',
      '--recipe',
      recipe,
      '--backend',
      backend,
      '--device',
      'cpu',
      '--threads',
      String(threads),
      '--seed',
      String(seed),
      '--runs',
      join(tmpdir(), 'catwalk-bench-runs'),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const epochs: SeedResult['epochs'] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { data } = epochEvent.safeParse(JSON.parse(line));
    if (!data) continue;
    const { accuracy, loss } = data.metrics;
    epochs.push({ accuracy, loss, seconds: data.seconds });
    process.stderr.write(
      `${recipe}, ${backend}, seed ${seed}: epoch ${data.epoch}: ${(100 * accuracy).toFixed(2)} %\n`,
    );
  }
  const code = await ended;
  if (code !== 0) throw new Error(`The training with seed ${seed} ended with ${code}.`);
  return { recipe, backend, seed, threads, jobs, machine: thisMachine(), epochs };
}
