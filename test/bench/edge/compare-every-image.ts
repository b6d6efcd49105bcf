import type { EveryImage } from './report.ts';
import type { WorkerContestant } from './worker-contestant.ts';

/** Images in one request. */
const imagesAtOnce = 250;
const largestAllowed = 1e-4;

export interface CompareOptions {
  images: number;
  labels: number;
  progress: (line: string) => void;
}

/**
 * Predicts every test image with Catwalk's Worker, one by one and in batches of 16, and with the stock cpu backend.
 *
 * @throws {Error} if a logit is off by more than 1e-4, or an image gets another label
 */
export async function compareEveryImage(
  stock: WorkerContestant,
  catwalk: WorkerContestant,
  { images, labels, progress }: CompareOptions,
): Promise<EveryImage> {
  let largestLogitDifference = 0;
  let otherLabels = 0;
  for (let first = 0; first < images; first += imagesAtOnce) {
    const range = { first, count: Math.min(imagesAtOnce, images - first) };
    const expected = await stock.logits(16, range);
    for (const batch of [1, 16]) {
      const found = await catwalk.logits(batch, range);
      if (found.length !== range.count * labels || expected.length !== found.length) {
        throw new Error(
          `${range.count} images gave ${expected.length} and ${found.length} logits.`,
        );
      }
      for (let image = 0; image < range.count; image++) {
        const [wanted, given] = [expected, found].map((logits) =>
          logits.slice(image * labels, (image + 1) * labels),
        ) as [number[], number[]];
        for (const [id, logit] of wanted.entries()) {
          const difference = Math.abs(logit - (given[id] as number));
          // Math.max keeps NaN.
          largestLogitDifference = Math.max(largestLogitDifference, difference);
        }
        if (labelOf(wanted) !== labelOf(given)) otherLabels++;
      }
    }
    progress(`every image: ${first + range.count} of ${images}`);
  }
  if (!(largestLogitDifference <= largestAllowed) || otherLabels > 0) {
    throw new Error(
      `Catwalk's logits are up to ${largestLogitDifference} off the stock backend's; ${otherLabels} images get another label.`,
    );
  }
  return { images, largestLogitDifference, otherLabels };
}

const labelOf = (logits: number[]) => logits.indexOf(Math.max(...logits));
