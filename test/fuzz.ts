/** `npm run test:fuzz`: thousands of damaged images against the Worker as it is deployed, in workerd. `-- --help` has the options. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

const options = new Command('npm run test:fuzz --')
  .description(
    'Posts damaged images to the Worker as it is deployed, in workerd over HTTP, and a good one after each. Exit code 1 where an answer is neither a prediction nor a documented problem, takes more than 2 s, or changes that of the good image, or where memory grows.',
  )
  .option('--images <n>', 'how many damaged images', toWhole, 5000)
  .option('--seed <n>', 'which ones', toWhole, 1)
  .helpOption('--help', 'show this')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ images: number; seed: number }>();

// TensorFlow.js and wrangler take seconds to load, which --help need not wait for.
const { openTarget } = await import('./fuzz/open-target.ts');
const { fuzzDamagedImages } = await import('./fuzz/damaged-images.ts');
const folder = await mkdtemp(join(tmpdir(), 'catwalk-fuzz-'));
try {
  const target = await openTarget(folder);
  try {
    const start = performance.now();
    const report = await fuzzDamagedImages(target, { ...options, onProgress: showProgress });
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `${options.images} damaged images in ${seconds.toFixed(0)} s, seed ${options.seed}`,
    );
    for (const [status, count] of Object.entries(report.statuses)) {
      console.log(`  ${status}  ${count}`);
    }
    console.log(`Longest answer  ${report.longestMilliseconds.toFixed(0)} ms`);
    for (const [i, memory] of report.memory.entries()) {
      const when = ['after a tenth', 'after half', 'at the end'][i] ?? '';
      const { heap, arrayBuffers, process } = memory;
      console.log(
        `Memory ${when.padEnd(14)} heap ${mebibytes(heap)}, array buffers ${mebibytes(arrayBuffers)}, process ${mebibytes(process)} MiB`,
      );
    }
  } finally {
    await target.close();
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function showProgress(tried: number) {
  if (!process.stderr.isTTY) return;
  process.stderr.write(
    tried === options.images ? '\r\x1b[K' : `\r${tried} of ${options.images} images`,
  );
}

function toWhole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}
