/** Decides what new images would help a model most: those of the labels that it confuses. */
import { formatCount, percent } from '../../node/text.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';

/** Labels and pairs that are named. */
const maxLabels = 3;
const maxPairs = 5;
/** A single mistake may be chance. */
const minMistakes = 2;

/** What to collect more images of. */
export interface CollectMore {
  /** The labels that are recognized least, the worst first. */
  labels: { label: string; right: number; images: number }[];
  /** The labels whose test images are taken for another one most often, most first. */
  pairs: { actual: string; predicted: string; images: number }[];
}

/** Returns the labels that are recognized no better than the average test image, and the pairs of labels that it confuses most. */
export function collectMore(
  { accuracy, confusion }: Pick<Metrics, 'accuracy' | 'confusion'>,
  names: readonly string[],
): CollectMore {
  const nameOf = (id: number) => names[id] as string;
  const pairs = confusion.flatMap((row, actual) =>
    row.flatMap((images, predicted) =>
      actual !== predicted && images >= minMistakes
        ? [{ actual: nameOf(actual), predicted: nameOf(predicted), images }]
        : [],
    ),
  );
  const labels = confusion.map((row, id) => ({
    label: nameOf(id),
    right: row[id] as number,
    images: row.reduce((sum, count) => sum + count, 0),
  }));
  const recall = ({ right, images }: { right: number; images: number }) => right / images;
  return {
    labels: labels
      .filter((label) => label.images - label.right >= minMistakes && recall(label) <= accuracy)
      .sort((a, b) => recall(a) - recall(b))
      .slice(0, maxLabels),
    pairs: pairs.sort((a, b) => b.images - a.images).slice(0, maxPairs),
  };
}

/** Describes it in a sentence or two; null if there is nothing to name. */
export function describeCollectMore({ labels, pairs }: CollectMore): string | null {
  const named = labels.map(
    ({ label, right, images }) =>
      `${label} (${percent(right / images, 0)} of ${formatCount(images)} recognized)`,
  );
  const confused = pairs
    .slice(0, maxLabels)
    .map(
      ({ actual, predicted, images }) =>
        `${actual} taken for ${predicted} ${formatCount(images)} times`,
    );
  const sentences = [
    ...(named.length > 0 ? [`More training images would help most of: ${named.join(', ')}.`] : []),
    ...(confused.length > 0 ? [`Confused most: ${confused.join(', ')}.`] : []),
  ];
  return sentences.length > 0 ? sentences.join(' ') : null;
}
