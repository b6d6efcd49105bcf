import { decode } from 'fast-png';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { softmax } from '../../shared/model/predict.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { type BackendOptions, openModel } from '../../trainer/evaluate/open-model.ts';

export interface CompareOptions extends BackendOptions {
  /** The Worker's address, without a path. */
  url: string;
  manifest: Manifest;
  /** The probabilities that the Worker answered for each test image, in label order. */
  found: readonly (readonly number[])[];
  /** The number of concurrent requests. */
  concurrency: number;
  onProgress?: (compared: number) => void;
}

/** The probability of a label in which Worker and trainer differ most. */
export interface LargestDifference {
  /** The test image. */
  index: number;
  difference: number;
}

/** Images in memory at a time: up to 38 MB. */
const batch = 256;

/**
 * Computes the probabilities of every test image with the trainer, from the files of the version that the Worker serves and the pixels that
 * it shows, and compares them with the Worker's.
 *
 * @throws {Error} if a file or image can't be read, or no backend opens
 */
export async function compareProbabilities(options: CompareOptions): Promise<LargestDifference> {
  const { url, manifest, found, concurrency, onProgress } = options;
  const { name, version, files: listed, model: spec } = manifest;
  const paths = listed.map(({ path }) => path);
  const contents = await Promise.all(
    paths.map((path) => readBytes(`${url}/models/${version}/${path}`)),
  );
  const files = Object.fromEntries(paths.map((path, i) => [path, contents[i] as Uint8Array]));
  const { logitsOf } = await openModel({ spec, files, description: `${name} ${version}` }, options);
  const labels = spec.labels.length;
  let largest: LargestDifference = { index: 0, difference: 0 };
  for (let first = 0; first < found.length; first += batch) {
    const count = Math.min(batch, found.length - first);
    const images = await readImages({ url, spec, first, count, concurrency });
    const logits = await logitsOf({ images, count });
    for (let i = 0; i < count; i++) {
      const expected = softmax(logits.subarray(i * labels, (i + 1) * labels));
      const difference = differenceOf(found[first + i] as readonly number[], expected);
      if (difference > largest.difference) largest = { index: first + i, difference };
    }
    onProgress?.(first + count);
  }
  return largest;
}

/** @returns infinity if a value is missing or not a number */
function differenceOf(found: readonly number[], expected: readonly number[]): number {
  const differences = expected.map((value, label) => Math.abs(value - (found[label] as number)));
  return differences.every(Number.isFinite) ? Math.max(...differences) : Number.POSITIVE_INFINITY;
}

interface ReadOptions extends Pick<CompareOptions, 'url' | 'concurrency'> {
  spec: ModelSpec;
  first: number;
  count: number;
}

/** Reads the network's input of test images: their pixels, one after the other. */
async function readImages({ url, spec, first, count, concurrency }: ReadOptions) {
  const size = spec.inputShape.reduce((product, length) => product * length);
  const images = new Uint8Array(count * size);
  let next = 0;
  const readInTurn = async () => {
    while (next < count) {
      const at = next++;
      const path = `${url}/images/${first + at}.png`;
      const { data } = decode(await readBytes(path));
      if (data.length !== size) throw new Error(`${path} is not an input of ${spec.name}.`);
      images.set(data, at * size);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, readInTurn));
  return images;
}

async function readBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}
