/** `npm run verify:network -- --network NAME --images DIR`: compares a compiled network's logits with those of stock TensorFlow.js. */
import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Command, Option } from 'commander';
import { thisMachine } from '../bench/machine.ts';
import type { Comparison } from './network/compare-image.ts';

interface Options {
  network: string;
  mobilenet?: string;
  images: string;
  count: number;
  threads: number;
  save?: true;
}

const options = new Command('npm run verify:network --')
  .description(
    'Compares the logits of pictures by three ways: the compiled network, the stock cpu backend, and 64-bit floats with nothing merged. A second a picture. Exit code 1 if a label differs from that of the stock backend, or a logit by more than 1e-4 from the exact one.',
  )
  .addOption(
    new Option('--network <name>', 'the network')
      .choices(['mobilenet-160', 'mobilenet-224', 'residual'])
      .makeOptionMandatory(),
  )
  .option('--mobilenet <folder>', 'a folder with MobileNet v1 as a TensorFlow.js layers model')
  .requiredOption('--images <folder>', 'a folder of JPEG or PNG pictures, with subfolders')
  .option('--count <n>', 'pictures, evenly spread over the folder', Number, 1000)
  .option('--threads <n>', 'worker threads', Number, 2)
  .option('--save', 'keep the result in docs/bench/networks-logits.json')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>();

const { network, count, threads } = options;
const all = globSync('**/*.{jpg,jpeg,png}', { cwd: options.images }).sort();
const step = Math.max(1, all.length / count);
const files = all
  .filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step))
  .slice(0, count)
  .map((file) => join(options.images, file));
const comparisons = await compareAll(files);
const result = summarize(comparisons);
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
const isClose = result.catwalkFromExact.largest <= 1e-4;
process.exitCode = isClose && result.otherLabels === 0 ? 0 : 1;
if (options.save) await save();

async function compareAll(paths: readonly string[]): Promise<Comparison[]> {
  const found: Comparison[] = [];
  const parts = Array.from({ length: threads }, (_, thread) =>
    paths.filter((_path, at) => at % threads === thread),
  );
  const { mobilenet } = options;
  const run = (part: string[]) =>
    new Promise<void>((resolve, reject) => {
      const file = new URL('./network/compare-images.ts', import.meta.url);
      const worker = new Worker(file, { workerData: { network, mobilenet, files: part } });
      worker.on('message', (comparison: Comparison) => {
        found.push(comparison);
        if (found.length % 50 === 0) process.stderr.write(`${found.length} of ${paths.length}\n`);
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
  await Promise.all(parts.map(run));
  return found;
}

function summarize(found: readonly Comparison[]) {
  const spread = (of: (comparison: Comparison) => number) => {
    const sorted = found.map(of).toSorted((a, b) => a - b);
    return { median: sorted[sorted.length >> 1] ?? Number.NaN, largest: Math.max(...sorted) };
  };
  return {
    network,
    images: found.length,
    otherLabels: found.filter(({ hasOtherLabel }) => hasOtherLabel).length,
    largestLogit: spread((each) => each.largestLogit).largest,
    catwalkFromStock: spread((each) => each.fromStock),
    catwalkFromExact: spread((each) => each.catwalkFromExact),
    stockFromExact: spread((each) => each.stockFromExact),
  };
}

/** Replaces the result of the same network. */
async function save(): Promise<void> {
  const file = join(import.meta.dirname, '../../docs/bench/networks-logits.json');
  const { results } = JSON.parse(await readFile(file, 'utf8')) as { results: (typeof result)[] };
  const others = results.filter((each) => each.network !== network);
  const kept = [...others, result].toSorted((a, b) => (a.network < b.network ? -1 : 1));
  await writeFile(file, `${JSON.stringify({ machine: thisMachine(), results: kept }, null, 2)}\n`);
}
