import seedrandom from 'seedrandom';
import { expect, it } from 'vitest';
import { argMax } from '../../../shared/model/predict.ts';
import { trainLinearHead } from '../../../trainer/train/linear-head.ts';

const [width, classes, count] = [12, 3, 600];

/** Features of very unequal size, of which the first ones lean towards the label. */
function describedImages(seed: string) {
  const random = seedrandom.alea(seed);
  const labels = Uint8Array.from({ length: count }, () => Math.floor(random() * classes));
  const features = Float32Array.from({ length: count * width }, (_, i) => {
    const feature = i % width;
    const leaning = labels[Math.floor(i / width)] === feature ? 0.8 : 0;
    return (random() + leaning) * 10 ** ((feature % 4) - 2) + feature;
  });
  return { features, labels, classes };
}

it('learns the labels of features, whatever their scale', () => {
  const { kernel, bias } = trainLinearHead(describedImages('train'), 1);
  expect([kernel.length, bias.length]).toEqual([width * classes, classes]);
  const { features, labels } = describedImages('test');
  const isRight = (label: number, image: number) => {
    const logits = Array.from(bias, (start, id) => {
      const terms = features
        .subarray(image * width, (image + 1) * width)
        .reduce((sum, x, at) => sum + x * (kernel[at * classes + id] as number), 0);
      return start + terms;
    });
    return argMax(logits) === label;
  };
  expect(labels.filter(isRight).length / count).toBeGreaterThan(0.85);
});

it('gives the same bits for the same seed', () => {
  const images = describedImages('train');
  expect(trainLinearHead(images, 1)).toEqual(trainLinearHead(images, 1));
  expect(trainLinearHead(images, 1)).not.toEqual(trainLinearHead(images, 2));
});
