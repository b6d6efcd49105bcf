/**
 * Stock TensorFlow.js: `model.fit` on TensorFlow's native backend, with the tutorial's recipe. A contestant of `npm run bench:train`.
 *
 *     node test/bench/peers/stock-tfjs.ts [--limit N] [--epochs N] [--seed N]
 *
 * Prints one JSON object per epoch.
 */
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import type { ImageSet } from '../../../trainer/data/dataset.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { recipes } from '../../../trainer/train/recipes.ts';

const { values } = parseArgs({
  options: {
    limit: { type: 'string', default: '60000' },
    epochs: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
const { batchSize, learningRate } = recipes.tutorial;
const labels = fashionMnistCnn.labels.length;

await openBackend('tensorflow', { device: 'cpu' });
const dataset = await loadDataset();
const train = asTensors(dataset.train, Number(values.limit));
const test = asTensors(dataset.test, dataset.test.count);
const model = buildModel(fashionMnistCnn, Number(values.seed));
model.compile({
  optimizer: tf.train.adam(learningRate),
  loss: (targets, logits) => tf.losses.softmaxCrossEntropy(targets, logits),
});

let seconds = 0;
for (let epoch = 1; epoch <= Number(values.epochs); epoch++) {
  const start = performance.now();
  await model.fit(train.images, train.targets, {
    batchSize,
    epochs: 1,
    shuffle: true,
    verbose: 0,
    yieldEvery: 'never',
  });
  const epochSeconds = (performance.now() - start) / 1000;
  seconds += epochSeconds;
  const accuracy = tf.tidy(() => {
    const logits = model.predict(test.images, { batchSize: 250 }) as tf.Tensor;
    const correct = tf.equal(tf.argMax(logits, 1), tf.argMax(test.targets, 1));
    return tf.mean(tf.cast(correct, 'float32')).dataSync()[0];
  });
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const imagesPerSecond = Number(values.limit) / epochSeconds;
  process.stdout.write(
    `${JSON.stringify({ epoch, accuracy, seconds, imagesPerSecond, peakBytes })}\n`,
  );
}

function asTensors(set: ImageSet, count: number) {
  const [height, width, channels] = fashionMnistCnn.inputShape;
  const pixels = set.images.subarray(0, count * height * width * channels);
  const images = new Float32Array(pixels.length);
  normalizePixels(pixels, fashionMnistCnn.preprocessing, images);
  return {
    images: tf.tensor4d(images, [count, height, width, channels]),
    targets: tf.oneHot(tf.tensor1d(set.labels.subarray(0, count), 'int32'), labels),
  };
}
