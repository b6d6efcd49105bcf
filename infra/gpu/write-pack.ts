import { copyFile, cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { webgpuFolder } from '../../trainer/backend/webgpu/webgpu-setup.ts';
import { loadDataset } from '../../trainer/data/load-dataset.ts';
import { runProgram } from '../process/run-program.ts';
import { type LossRun, measureLosses } from './check-webgpu.ts';

/** What NVIDIA's Vulkan driver needs, and machines for computing often lack. */
const debianPackages = 'libvulkan1 libx11-6 libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0';

/** Compared on a GPU, and on a driver in software, which takes seconds for a step. */
const lossRuns = [
  { batchSize: 64, limit: 3200 },
  { batchSize: 4, limit: 8 },
];

/**
 * Writes a folder of at most 64 MiB with everything that checks webgpu on a Linux x64 machine without Node, npm and network: run
 * its check.sh there.
 *
 * @param folder is created; large files that are in it already are kept
 * @param print prints a line per step
 * @throws {StepError} if xz or apt-get is missing, or WebGPU is not set up
 */
export async function writePack(folder: string, print: (text: string) => void): Promise<void> {
  await mkdir(join(folder, 'webgpu'), { recursive: true });
  await cp(join(import.meta.dirname, 'pack'), folder, { recursive: true });
  for (const file of ['index.js', 'package.json', 'setup.json']) {
    await copyFile(join(webgpuFolder, file), join(folder, 'webgpu', file));
  }
  print('1/4 Bundling the trainer …');
  const program = join(folder, 'check.mjs');
  await bundleCheck(program);
  await compress(program, `${program}.xz`);
  await rm(program);
  print('2/4 Training on wasm, for the losses to compare with …');
  const dataset = await loadDataset();
  const runs: LossRun[] = [];
  for (const run of lossRuns) {
    runs.push({ ...run, losses: await measureLosses('wasm', dataset, run) });
  }
  await writeFile(join(folder, 'wasm-losses.json'), JSON.stringify(runs));
  print('3/4 Compressing Node, Dawn and the images …');
  for (const set of ['train', 'test'] as const) {
    await writeFile(join(folder, `${set}-labels`), dataset[set].labels);
    const images = join(folder, `${set}-images`);
    await writeFile(images, dataset[set].images);
    await compressOnce(images, `${images}.xz`);
    await rm(images);
  }
  await compressOnce(process.execPath, join(folder, 'node.xz'));
  const dawn = join(webgpuFolder, 'dist/linux-x64/dawn.node');
  await compressOnce(dawn, join(folder, 'dawn.node.xz'));
  print('4/4 Fetching the Vulkan loader …');
  await mkdir(join(folder, 'debs'), { recursive: true });
  await runProgram('apt-get', ['download', ...debianPackages.split(' ')], {
    cwd: join(folder, 'debs'),
    advice: 'Write the pack on Debian or Ubuntu, after apt-get update.',
  });
  const size = await sizeOf(folder);
  print(
    `${folder} has ${(size / 2 ** 20).toFixed(1)} MiB. On the machine with the GPU: bash check.sh`,
  );
}

/** Bundles the program of the pack. What only other backends need stays out. */
export async function bundleCheck(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'pack-program.ts')],
    outfile,
    bundle: true,
    minify: true,
    // Node prints the line that throws, and stderr may be cut off in the middle of a long one.
    lineLimit: 500,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    external: ['@tensorflow/tfjs-backend-wasm'],
    // Dependencies that are CommonJS.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
}

const compress = async (source: string, target: string): Promise<void> => {
  const advice = 'Install xz (Debian and Ubuntu: apt-get install xz-utils).';
  const command = 'xz --stdout -6 --threads=1 "$0" > "$1.part"';
  await runProgram('sh', ['-c', command, source, target], { advice, name: 'xz' });
  await rename(`${target}.part`, target);
};

/** Node takes a minute, so it is not compressed again. */
async function compressOnce(source: string, target: string): Promise<void> {
  const present = await stat(target).catch(() => null);
  if (present === null) await compress(source, target);
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
