/** `npm run verify:edge [-- --url http://localhost:8787]`: checks that the Worker answers as the trainer measured. */
import { Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { manifestSchema } from '../../shared/registry/manifest.ts';
import { AliasMovedError, askEveryImage } from './ask-every-image.ts';
import { compareConfusion, countCorrect } from './compare-confusion.ts';
import { compareProbabilities } from './compare-probabilities.ts';

const modelSchema = z.object({ manifest: manifestSchema });

/** What a probability may differ by: Worker and trainer add up 32-bit floats in different orders. */
const maxDifference = 1e-4;

const options = new Command('npm run verify:edge --')
  .description(
    `Requests every test image's prediction from a running Worker. Compares accuracy and confusion matrix with the manifest of its model, and each probability with what the trainer computes from the published files. Exit code 1 if the matrices differ, or a probability by more than ${maxDifference}.`,
  )
  .option('--url <url>', 'address of the Worker', 'http://localhost:8787')
  .option('--concurrency <n>', 'concurrent requests', toCount, 8)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ url: string; concurrency: number }>();

/** An idle Worker notices a new version with the first request, so a move is not a fault. */
const attempts = 5;

try {
  process.exitCode = await verifyOneVersion(options.url.replace(/\/+$/, ''), options.concurrency);
} catch (error) {
  const { message, cause } = error as Error;
  const detail = cause instanceof Error ? ` (${cause.message || cause.name})` : '';
  process.stderr.write(`${message}${detail}\nIs the Worker at ${options.url} running?\n`);
  process.exitCode = 1;
}

async function verifyOneVersion(url: string, concurrency: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await verify(url, concurrency);
    } catch (error) {
      if (!(error instanceof AliasMovedError) || attempt === attempts) throw error;
      process.stderr.write(`${error.message} Asking again from the first image.\n`);
    }
  }
}

async function verify(url: string, concurrency: number): Promise<number> {
  const response = await fetch(`${url}/model`);
  if (!response.ok) throw new Error(`GET /model answered ${response.status}.`);
  const { manifest } = modelSchema.parse(await response.json());
  const { accuracy, confusion } = manifest.metrics;
  const expected = countCorrect(confusion);
  const start = performance.now();
  const { confusion: found, probabilities } = await askEveryImage({
    url,
    concurrency,
    labels: manifest.model.labels.length,
    images: expected.images,
    version: manifest.version,
    onProgress: (asked) => showProgress(asked, expected.images),
  });
  const seconds = (performance.now() - start) / 1000;
  const { correct, images } = countCorrect(found);
  const differences = compareConfusion(confusion, found);
  const same = Math.abs(correct / images - accuracy) < 1e-9 && differences.length === 0;
  const { index, difference } = await compareProbabilities({
    url,
    manifest,
    found: probabilities,
    concurrency,
    backend: 'auto',
    device: 'auto',
    onProgress: (compared) => showProgress(compared, images),
  });
  console.log(`Model    ${manifest.name} ${manifest.version}`);
  console.log(`Trainer  ${expected.correct} of ${images} correct, accuracy ${accuracy}`);
  console.log(`Worker   ${correct} of ${images} correct, accuracy ${correct / images}`);
  console.log(`Asked in ${seconds.toFixed(1)} s, ${(images / seconds).toFixed(0)} requests/s`);
  for (const cell of differences) {
    const labels = manifest.model.labels;
    console.log(
      `  ${labels[cell.actual]} taken for ${labels[cell.predicted]}: ${cell.expected} by the trainer, ${cell.found} by the Worker`,
    );
  }
  console.log(same ? 'The same label for every image.' : 'Their labels differ.');
  console.log(
    `The largest difference of a probability is ${difference.toExponential(1)}, of image ${index}; at most ${maxDifference} is allowed.`,
  );
  return same && difference <= maxDifference ? 0 : 1;
}

function showProgress(asked: number, images: number) {
  if (!process.stderr.isTTY) return;
  process.stderr.write(asked === images ? '\r\x1b[K' : `\r${asked} of ${images} images`);
}

function toCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It must be 1 to 9999.');
  return Number(text);
}
