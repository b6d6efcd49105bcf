/** `npm run verify:images [-- --url http://localhost:8787]`: checks that the Worker decodes every format to the same pixels. */
import { Command, InvalidArgumentError } from 'commander';
import { decode } from 'fast-png';
import * as z from 'zod';
import { modelSpecSchema } from '../../shared/model/model-spec.ts';
import { predictionSchema } from '../../shared/model/prediction.ts';
import type { CorpusFile } from '../support/corpus/corpus-file.ts';
import { encodeInJavaScript } from '../support/corpus/encode-in-javascript.ts';
import { encodeWithPillow, hasPillow } from '../support/corpus/encode-with-pillow.ts';

/** The required share of files that get the label of their raw pixels. */
const required = 0.97;

const options = new Command('npm run verify:images --')
  .description(
    `Enlarges test images 1 to 12 times, encodes them as PNG, JPEG, WebP, GIF and BMP with Pillow, libvips and encoders written in JavaScript, and requests a prediction of each from a running Worker. Exit code 1 if, for any encoder, less than ${100 * required} % get the label of their raw pixels.`,
  )
  .option('--url <url>', 'address of the Worker', 'http://localhost:8787')
  .option('--images <n>', 'number of test images', toCount, 200)
  .option('--every <n>', 'use every n-th image of each kind', toCount, 1)
  .option('--python <program>', 'a Python with Pillow 11.2 or later', 'python3')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ url: string; images: number; every: number; python: string }>();

type PredictId = (bytes: Uint8Array<ArrayBuffer>) => Promise<number>;

const servedSchema = z.looseObject({
  version: z.string(),
  model: z.looseObject({ inputShape: modelSpecSchema.shape.inputShape }),
});
const worker = options.url.replace(/\/+$/, '');

interface Tally {
  files: number;
  same: number;
}

try {
  process.exitCode = (await verify()) ? 0 : 1;
} catch (error) {
  const { message, cause } = error as Error;
  const detail = cause instanceof Error ? ` (${cause.message || cause.name})` : '';
  process.stderr.write(`${message}${detail}\nIs the Worker at ${options.url} running?\n`);
  process.exitCode = 1;
}

async function verify(): Promise<boolean> {
  // One version for all requests, even if another is published meanwhile.
  const served = await fetch(`${worker}/model`);
  const { manifest } = z.object({ manifest: servedSchema }).parse(await served.json());
  const predictedId = openPredict(manifest.version);
  const [side, width, channels] = manifest.model.inputShape;
  if (side !== width)
    throw new Error(`The model takes ${width}x${side} pixels; it must be a square.`);
  const { every, python } = options;
  const size = side * side * channels;
  const { images, labels } = await readTestImages(size, predictedId);
  const encoders = [
    ['JavaScript and libvips', encodeInJavaScript({ images, every, side, channels })],
  ] as [string, AsyncGenerator<CorpusFile>][];
  if (size !== 784) console.log('Pillow is left out: it writes only grey images of 28x28 pixels.');
  else if (await hasPillow(python)) {
    encoders.push(['Pillow', encodeWithPillow({ images, every, python })]);
  } else {
    console.log(`Pillow is left out: ${options.python} has none (pip install pillow).`);
  }
  let isGood = true;
  for (const [name, files] of encoders)
    isGood = (await verifyEncoder(name, files, labels, predictedId)) && isGood;
  return isGood;
}

/** Reads the Worker's first test images, and the label that it predicts for the raw pixels of each. */
async function readTestImages(size: number, predictedId: PredictId) {
  const shown: Uint8Array[] = [];
  const labels: number[] = [];
  for (let index = 0; index < options.images; index++) {
    const response = await fetch(`${worker}/images/${index}.png`);
    if (response.status === 404 && index > 0) break;
    if (!response.ok) throw new Error(`GET /images/${index}.png answered ${response.status}`);
    const pixels = Uint8Array.from(decode(await response.arrayBuffer()).data);
    if (pixels.length !== size)
      throw new Error('The test images are not of the size of the model.');
    shown.push(pixels);
    labels.push(await predictedId(pixels));
  }
  return { images: new Uint8Array(Buffer.concat(shown)), labels };
}

async function verifyEncoder(
  name: string,
  files: AsyncGenerator<CorpusFile>,
  labels: number[],
  predictedId: PredictId,
): Promise<boolean> {
  const tallies = new Map<string, Tally>();
  const all: Tally = { files: 0, same: 0 };
  for await (const { index, kind, bytes } of files) {
    const tally = tallies.get(kind) ?? { files: 0, same: 0 };
    tallies.set(kind, tally);
    showProgress(all.files);
    const isSame = (await predictedId(bytes)) === labels[index];
    for (const each of [tally, all]) {
      each.files += 1;
      each.same += isSame ? 1 : 0;
    }
  }
  showProgress(null);
  for (const [kind, tally] of tallies) console.log(`${kind.padEnd(26)}${share(tally)}`);
  console.log(`${name.padEnd(26)}${share(all)}\n`);
  return all.files > 0 && all.same / all.files >= required;
}

/** @param files the number of files so far; `null` clears the line */
function showProgress(files: number | null) {
  if (!process.stderr.isTTY) return;
  process.stderr.write(files === null ? '\r\x1b[K' : `\r${files} files`);
}

function share({ files, same }: Tally): string {
  const percent = ((100 * same) / files).toFixed(1);
  return `${String(same).padStart(6)} of ${String(files).padEnd(6)}${percent.padStart(6)} %`;
}

/** @returns the label id that the version predicts for a file or for raw pixels */
function openPredict(version: string): PredictId {
  return async (bytes) => {
    const response = await fetch(`${worker}/predict?version=${version}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`POST /predict answered ${response.status}: ${body}`);
    return z.looseObject(predictionSchema.shape).parse(JSON.parse(body)).predicted.id;
  };
}

function toCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It must be 1 to 9999.');
  return Number(text);
}
