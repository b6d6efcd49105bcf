/** `npm run bench:folder`: reading a folder of large photos, side by side with Pillow. `-- --help` has the options. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { textTable } from '../../node/text.ts';
import { thisMachine } from './machine.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, 'peers/pillow_folder.py');
const cli = join(import.meta.dirname, '../../trainer/cli.ts');

const options = new Command('npm run bench:folder --')
  .description(
    'Makes 12-megapixel JPEGs of any photos, and compares the time that `catwalk data` takes to read them, first and again, with that of Pillow in two processes.',
  )
  .requiredOption('--photos <folder>', 'photos to make them of')
  .option('--count <n>', 'JPEGs', '1000')
  .option(
    '--folder <folder>',
    'folder to write them to, or that has them already (default: a temporary folder)',
  )
  .option('--python <path>', 'a Python that has Pillow', 'python3')
  .option('--json', 'print the result as JSON')
  .parse()
  .opts<{ photos: string; count: string; folder?: string; python: string; json?: boolean }>();

const scratch = await mkdtemp(join(tmpdir(), 'catwalk-bench-folder-'));
try {
  const folder = options.folder ?? join(scratch, 'photos');
  if ((await describe(folder).catch(() => null))?.images !== Number(options.count)) {
    process.stderr.write(`Making ${options.count} JPEGs in ${folder}\n`);
    await run(options.python, [script, 'make', options.photos, folder, options.count]);
  }
  const result = {
    machine: thisMachine(),
    ...(await describe(folder)),
    ...(await compare(folder)),
  };
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : asText(result));
} finally {
  await rm(scratch, { recursive: true });
}

async function describe(folder: string) {
  const names = (await readdir(folder, { recursive: true })).filter((name) =>
    name.endsWith('.jpg'),
  );
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return { images: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Seconds of each. Pillow's are without its start, Catwalk's are those of the whole command. */
async function compare(folder: string) {
  const pillow = async (...more: string[]) =>
    Number((await run(options.python, [script, 'read', folder, ...more])).stdout);
  const env = { ...process.env, XDG_CACHE_HOME: join(scratch, 'cache') };
  const catwalk = async () => {
    const start = performance.now();
    await run(process.execPath, [cli, 'data', '--dataset', folder, '--json'], { env });
    return (performance.now() - start) / 1000;
  };
  // Before the first measurement, so that none reads the files from the disk.
  const pillowReduced = await pillow('--draft');
  return { pillow: await pillow(), pillowReduced, first: await catwalk(), again: await catwalk() };
}

function asText(result: Awaited<ReturnType<typeof compare>> & { images: number; bytes: number }) {
  const { images, bytes, pillow } = result;
  const names = {
    pillow: 'Pillow, two processes',
    pillowReduced: 'Pillow, two processes, decoding at a reduced size (draft)',
    first: 'Catwalk, the first time',
    again: 'Catwalk, again',
  };
  const rows = Object.entries(names).map(([key, name]) => {
    const seconds = result[key as keyof typeof names];
    return [name, seconds.toFixed(1), (seconds / pillow).toFixed(2)];
  });
  const heading = `${images} JPEGs, ${(bytes / 1e6 / images).toFixed(1)} MB each on average`;
  return `${heading}\n${textTable(['READER', 'SECONDS', 'TO PILLOW'], rows)}`;
}
