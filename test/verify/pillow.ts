/** `npm run verify:pillow -- --photos DIR`: compares the network's input of photos with what Pillow makes of them. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { percent } from '../../node/text.ts';
import { readImage } from '../../shared/image/model-input.ts';
import { type Fit, fitSchema } from '../../shared/model/model-spec.ts';
import { type Colour, colours } from '../../trainer/data/dataset.ts';
import { imageDecoders } from '../../trainer/data/image-decoders.ts';

/** Levels by which a value of the input may differ, and the share of values for which that must hold. */
const maxDifferences = { grey: 1, rgb: 2 };
/** Of large photos, which are decoded at a reduced size, colours are repeated and not interpolated: edges of colours differ. */
const requiredShares = { grey: 1, rgb: 0.99 };

const options = new Command('npm run verify:pillow --')
  .description(
    `Decodes photos at full size with Pillow, averages them to the size of the network's input, and compares each pixel with the input that Catwalk makes without isolating anything. Exit code 1 if a value differs by more than ${maxDifferences.grey} of 255; in colour, if more than ${100 - 100 * requiredShares.rgb} % of the values differ by more than ${maxDifferences.rgb}.`,
  )
  .requiredOption('--photos <folder>', 'folder of the photos, which may be in folders')
  .addOption(
    new Option('--colour <name>', 'what the network sees').choices(colours).default('grey'),
  )
  .addOption(
    new Option('--fit <name>', 'how photos become squares')
      .choices(fitSchema.options)
      .default('contain'),
  )
  .option('--size <n>', 'side of the input in pixels', toCount, 28)
  .option('--images <n>', 'how many', toCount, 200)
  .option('--enlarge <pixels>', 'first enlarge each photo with Pillow: the longer side', toCount)
  .option('--python <program>', 'a Python that has Pillow and numpy', 'python3')
  .helpOption('--help', 'show this')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{
    photos: string;
    colour: Colour;
    fit: Fit;
    size: number;
    images: number;
    enlarge?: number;
    python: string;
  }>();

const { colour, fit, size: side } = options;
const channels = colour === 'rgb' ? 3 : 1;
const maxDifference = maxDifferences[colour];
const input = { height: side, width: side, channels, fit, background: { kind: 'keep' } } as const;
const averageSchema = z.object({
  width: z.int(),
  height: z.int(),
  values: z.array(z.number()),
});
type Average = z.infer<typeof averageSchema>;

const names: string[] = (await readdir(options.photos, { recursive: true }))
  .filter((name) => /\.jpe?g$/i.test(name))
  .sort();
// Spread over the folders of labels.
const count = Math.min(options.images, names.length);
const files = Array.from({ length: count }, (_, i) =>
  join(options.photos, names[Math.floor((i * names.length) / count)] as string),
);
if (files.length === 0) throw new Error(`${options.photos} has no JPEG.`);
const comparisons: Comparison[] = [];
const folder = await mkdtemp(join(tmpdir(), 'catwalk-pillow-'));
for await (const [file, average] of averages(files, options.enlarge)) {
  const bytes = new Uint8Array(await readFile(file));
  const { pixels } = await readImage(bytes, { ...input, ...imageDecoders });
  comparisons.push(compare(pixels, average));
}
await rm(folder, { recursive: true });
const total = (name: keyof Comparison) => comparisons.reduce((sum, each) => sum + each[name], 0);
const share = total('within') / total('values');
const mean = total('sum') / total('values');
const largest = Math.max(...comparisons.map((each) => each.largest));
console.log(
  `${percent(share)} of the values of ${comparisons.length} photos are within ${maxDifference} of 255; mean difference ${mean.toFixed(3)}, largest ${largest}`,
);
if (share < requiredShares[colour]) process.exitCode = 1;

/** Differences of the values of a photo. */
interface Comparison {
  values: number;
  /** Values that differ by at most `maxDifference`. */
  within: number;
  sum: number;
  largest: number;
}

/** Compares values; those beside the photo, and what is cut off, are left out. */
function compare(pixels: Uint8Array, average: Average): Comparison {
  const [left, top] = [(side - average.width) >> 1, (side - average.height) >> 1];
  const compared = { values: 0, within: 0, sum: 0, largest: 0 };
  for (const [i, value] of average.values.entries()) {
    const pixel = Math.floor(i / channels);
    const x = left + (pixel % average.width);
    const y = top + Math.floor(pixel / average.width);
    if (x < 0 || x >= side || y < 0 || y >= side) continue;
    const found = pixels[(y * side + x) * channels + (i % channels)] as number;
    const difference = Math.abs(Math.round(value) - found);
    compared.values += 1;
    compared.within += difference <= maxDifference ? 1 : 0;
    compared.sum += difference;
    compared.largest = Math.max(compared.largest, difference);
  }
  return compared;
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
    const wanted = { file, side, colour: channels === 3, fit };
    const request = enlarge === undefined ? wanted : { ...wanted, enlarge, to: enlarged };
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
