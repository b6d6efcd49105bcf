/** `npm run verify:pillow -- --photos DIR`: compares the network's input of photos with what Pillow makes of them. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { readImage } from '../../shared/image/model-input.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { imageDecoders } from '../../trainer/data/image-decoders.ts';

/** Grey levels by which a pixel of the input may differ. */
const maxDifference = 1;

const options = new Command('npm run verify:pillow --')
  .description(
    `Decodes photos at full size with Pillow, averages them to the size of the network's input, and compares each pixel with the input that Catwalk makes without isolating anything. Exit code 1 if a pixel differs by more than ${maxDifference} grey level.`,
  )
  .requiredOption('--photos <folder>', 'folder of the photos')
  .option('--images <n>', 'how many', toCount, 200)
  .option('--enlarge <pixels>', 'first enlarge each photo with Pillow: the longer side', toCount)
  .option('--python <program>', 'a Python that has Pillow and numpy', 'python3')
  .helpOption('--help', 'show this')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ photos: string; images: number; enlarge?: number; python: string }>();

const [height, width] = fashionMnistCnn.inputShape;
const size = { height, width, background: { kind: 'keep' } } as const;
const averageSchema = z.object({
  width: z.int(),
  height: z.int(),
  values: z.array(z.number()),
});
type Average = z.infer<typeof averageSchema>;

const names: string[] = (await readdir(options.photos))
  .filter((name) => /\.jpe?g$/i.test(name))
  .sort();
const files = names.slice(0, options.images).map((name) => join(options.photos, name));
if (files.length === 0) throw new Error(`${options.photos} has no JPEG.`);
const differences: number[] = [];
const folder = await mkdtemp(join(tmpdir(), 'catwalk-pillow-'));
for await (const [file, average] of averages(files, options.enlarge)) {
  const bytes = new Uint8Array(await readFile(file));
  const { pixels } = await readImage(bytes, { ...size, ...imageDecoders });
  differences.push(difference(pixels, average));
}
await rm(folder, { recursive: true });
const max = Math.max(...differences);
const within = differences.filter((each) => each <= maxDifference).length;
console.log(
  `${within} of ${differences.length} photos are within ${maxDifference} grey level; the largest difference is ${max}`,
);
if (max > maxDifference) process.exitCode = 1;

/** Returns the largest difference of a pixel; those beside the photo are not compared. */
function difference(pixels: Uint8Array, average: Average): number {
  const [left, top] = [(width - average.width) >> 1, (height - average.height) >> 1];
  const differences = average.values.map((value, i) => {
    const x = left + (i % average.width);
    const y = top + Math.floor(i / average.width);
    return Math.abs(Math.round(value) - (pixels[y * width + x] as number));
  });
  return Math.max(...differences);
}

/** Yields each photo's file, or that of the enlarged photo, and what Pillow makes of it. */
async function* averages(
  paths: readonly string[],
  enlarge: number | undefined,
): AsyncGenerator<[string, Average]> {
  const enlarged = join(folder, 'enlarged.jpg');
  const script = join(import.meta.dirname, '../support/photos/average_with_pillow.py');
  const child = spawn(options.python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise<never>((_, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${options.python} ended with code ${code}.`)));
  });
  failed.catch(() => {});
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  for (const file of paths) {
    const side = Math.max(height, width);
    const request = enlarge === undefined ? { file, side } : { file, side, enlarge, to: enlarged };
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value } = await Promise.race([lines.next(), failed]);
    yield [enlarge === undefined ? file : enlarged, averageSchema.parse(JSON.parse(String(value)))];
  }
  child.stdin.end();
}

function toCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It must be 1 to 9999.');
  return Number(text);
}
