/** `npm run test:fuzz`: requests of every kind and corrupt images against the deployed Worker, in workerd. `-- --help` lists the options. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

const options = new Command('npm run test:fuzz --')
  .description(
    'Sends generated requests to every route of the deployed Worker, in workerd over HTTP, then corrupt images, each followed by a valid request. Exit code 1 if an answer is not documented or takes more than 1 s of CPU, if the answer to the valid request changes, or if memory grows. Prints the smallest such request as a command.',
  )
  .option('--requests <n>', 'number of requests', toWhole, 20_000)
  .option('--images <n>', 'number of corrupt images', toWhole, 5000)
  .option('--seed <n>', 'seed of the random requests and images', toWhole, 1)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ requests: number; images: number; seed: number }>();

// TensorFlow.js and wrangler take seconds to load; --help does not need them.
const { openTarget } = await import('./open-target.ts');
const { readMaterial } = await import('./read-material.ts');
const { fuzzDamagedImages } = await import('./damaged-images.ts');
const { fuzzRoutes } = await import('./fuzz-routes.ts');
type Target = Awaited<ReturnType<typeof openTarget>>;
type Report = Awaited<ReturnType<typeof fuzzRoutes | typeof fuzzDamagedImages>>;

const { requests, images, seed } = options;
try {
  const material = await readMaterial();
  await show(requests, 'requests', true, (target, onProgress) =>
    fuzzRoutes(target, material, { requests, seed, onProgress }),
  );
  await show(images, 'damaged images', false, (target, onProgress) =>
    fuzzDamagedImages(target, material, { images, seed, onProgress }),
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** Runs one kind of fuzzing on a separate Worker, and prints the result. */
async function show(
  total: number,
  what: string,
  withAssets: boolean,
  fuzz: (target: Target, onProgress: (tried: number) => void) => Promise<Report>,
): Promise<void> {
  if (total === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-fuzz-'));
  try {
    const target = await openTarget(folder, withAssets);
    try {
      const start = performance.now();
      const report = await fuzz(target, (tried) => {
        if (!process.stderr.isTTY) return;
        process.stderr.write(tried === total ? '\r\x1b[K' : `\r${tried} of ${total} ${what}`);
      });
      print(report, `${total} ${what}`, performance.now() - start);
    } finally {
      await target.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function print(report: Report, what: string, milliseconds: number): void {
  console.log(`${what} in ${(milliseconds / 1000).toFixed(0)} s, seed ${seed}`);
  for (const [status, count] of Object.entries(report.statuses)) {
    console.log(`  ${status}  ${count}`);
  }
  const { slowest, largest } = report.costs;
  console.log(`Slowest answer  ${slowest.milliseconds.toFixed(0)} ms of CPU: ${slowest.request}`);
  console.log(`Most memory     ${mebibytes(largest.bytes)} MiB more: ${largest.request}`);
  for (const [i, memory] of report.memory.entries()) {
    const when = ['after a tenth', 'after half', 'at the end'][i] ?? '';
    const { heap, arrayBuffers, process } = memory;
    console.log(
      `Memory ${when.padEnd(14)} heap ${mebibytes(heap)}, array buffers ${mebibytes(arrayBuffers)}, process ${mebibytes(process)} MiB`,
    );
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function toWhole(text: string): number {
  if (!/^(0|[1-9]\d{0,8})$/.test(text))
    throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
