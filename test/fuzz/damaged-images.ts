import * as fc from 'fast-check';
import type { CorpusFile } from '../support/corpus/corpus-file.ts';
import { type Damage, damage, damages } from '../support/corpus/mutate.ts';
import { watchMemory } from './memory-watch.ts';
import type { Memory, Target } from './open-target.ts';

/** The time limit per image: those of the corpus take some milliseconds. */
const longestMilliseconds = 2000;
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
  longestMilliseconds: number;
  /** After a tenth, after half, and at the end. */
  memory: Memory[];
}

/**
 * Posts corrupt images, one after the other, each followed by a valid one.
 *
 * @throws {Error} with the smallest failing mutation, if an answer is neither a prediction nor a documented problem, or takes
 * longer than 2 s, if the valid image's answer changes, or if memory grows
 */
export async function fuzzDamagedImages(
  target: Target,
  { corpus, pixels }: Images,
  { images, seed, onProgress }: FuzzOptions,
): Promise<FuzzReport> {
  const goodImage = Uint8Array.from(pixels.subarray(0, 784));
  const good = await post(target, goodImage);
  const memory = watchMemory(target, images, minForProcess);
  const report: FuzzReport = { statuses: {}, longestMilliseconds: 0, memory: memory.readings };
  let tried = 0;

  async function tryImage(number: number, change: Damage): Promise<void> {
    const file = corpus[number] as CorpusFile;
    const bytes = damage(file.bytes, change);
    let answer = await post(target, bytes);
    for (let again = 1; again < attempts && answer.milliseconds > longestMilliseconds; again++) {
      answer = await post(target, bytes);
    }
    report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1;
    report.longestMilliseconds = Math.max(report.longestMilliseconds, answer.milliseconds);
    const problem = findProblem(answer);
    if (problem) throw new Error(`${file.kind} of image ${file.index}: ${problem}`);
    const next = await post(target, goodImage);
    if (next.status !== 200 || next.body !== good.body) {
      throw new Error(`${file.kind} of image ${file.index}: the next good image got ${next.body}`);
    }
    tried += 1;
    await memory.after(tried);
    onProgress(tried);
  }

  const number = fc.nat(corpus.length - 1);
  await fc.assert(fc.asyncProperty(number, damages, tryImage), {
    numRuns: images,
    seed,
    includeErrorInReport: true,
  });
  memory.check();
  return report;
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
    signal: AbortSignal.timeout(10 * longestMilliseconds),
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
