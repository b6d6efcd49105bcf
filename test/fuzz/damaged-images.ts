import * as fc from 'fast-check';
import type { CorpusFile } from '../support/corpus/corpus-file.ts';
import { damage, damages } from '../support/corpus/mutate.ts';
import { type CostWatch, watchCost } from './cost-watch.ts';
import { watchMemory } from './memory-watch.ts';
import type { Memory, Target } from './open-target.ts';
import { structuredImages } from './requests/structured-images.ts';

/** The time limit per image, of the process's CPU. */
const longestMilliseconds = 1000;
/** The time limit of a machine as busy as it may be. */
const patience = 30_000;
/** The number of tries for a slow answer: an image is slow every time, a busy machine is not. */
const attempts = 3;

const minForProcess = 1000;

/** The images to corrupt, and the valid ones. */
interface Images {
  corpus: CorpusFile[];
  /** Grey pixels, 784 bytes per image. */
  pixels: Uint8Array;
}

export interface FuzzOptions {
  images: number;
  seed: number;
  onProgress: (tried: number) => void;
}

export interface FuzzReport {
  /** The number of answers per status. */
  statuses: Record<number, number>;
  costs: CostWatch;
  /** After a tenth, after half, and at the end. */
  memory: Memory[];
}

/**
 * Posts corrupt images, one after the other, each followed by a valid one.
 *
 * @throws {Error} with the smallest failing mutation, if an answer is neither a prediction nor a documented problem, or takes
 * longer than 1 s, if the valid image's answer changes, or if memory grows
 */
export async function fuzzDamagedImages(
  target: Target,
  { corpus, pixels }: Images,
  { images, seed, onProgress }: FuzzOptions,
): Promise<FuzzReport> {
  const goodImage = Uint8Array.from(pixels.subarray(0, 784));
  const good = await post(target, goodImage);
  const memory = watchMemory(target, images, minForProcess);
  const costs = watchCost(target);
  const report: FuzzReport = { statuses: {}, costs, memory: memory.readings };
  let tried = 0;

  async function askMeasured({ what, bytes }: TriedImage): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const { answer, milliseconds } = await costs.measure(what, () => post(target, bytes));
      if (milliseconds <= longestMilliseconds || attempt === attempts) {
        return { ...answer, milliseconds };
      }
    }
  }

  async function tryImage(image: TriedImage): Promise<void> {
    const { what } = image;
    const answer = await askMeasured(image);
    report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1;
    const problem = findProblem(answer);
    if (problem) throw new Error(`${what}: ${problem}`);
    const next = await post(target, goodImage);
    if (next.status !== 200 || next.body !== good.body) {
      throw new Error(`${what}: the next good image got ${next.body}`);
    }
    tried += 1;
    await memory.after(tried);
    onProgress(tried);
  }

  await fc.assert(fc.asyncProperty(triedImages(corpus), tryImage), {
    numRuns: images,
    seed,
    includeErrorInReport: true,
  });
  memory.check();
  return report;
}

interface TriedImage {
  /** For reports. */
  what: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Files of the corpus with bytes changed, and files that are put together from parts. */
function triedImages(corpus: CorpusFile[]): fc.Arbitrary<TriedImage> {
  const damaged = fc.tuple(fc.nat(corpus.length - 1), damages).map(([number, change]) => {
    const file = corpus[number] as CorpusFile;
    return { what: `${file.kind} of image ${file.index}`, bytes: damage(file.bytes, change) };
  });
  const structured = structuredImages.map((bytes) => ({
    what: `${bytes.length} bytes that start with ${Buffer.from(bytes.subarray(0, 200)).toString('base64')}`,
    bytes,
  }));
  return fc.oneof(damaged, structured);
}

interface Answer {
  status: number;
  body: string;
  milliseconds: number;
}

async function post({ url }: Target, body: Uint8Array<ArrayBuffer>): Promise<Answer> {
  const start = performance.now();
  const response = await fetch(`${url}/predict?alias=production`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body,
    signal: AbortSignal.timeout(patience),
  });
  const text = await response.text();
  return { status: response.status, body: text, milliseconds: performance.now() - start };
}

function findProblem({ status, body, milliseconds }: Answer): string | null {
  if (milliseconds > longestMilliseconds) return `took ${milliseconds.toFixed(0)} ms`;
  const isDocumented = status === 200 || [400, 413, 415, 422].includes(status);
  if (!isDocumented) return `answered ${status}: ${body}`;
  const answer = JSON.parse(body);
  const isWhole = status === 200 ? 'predicted' in answer : typeof answer.code === 'string';
  return isWhole ? null : `answered ${status} with ${body}`;
}
