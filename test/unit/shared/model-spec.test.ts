import { expect, test } from 'vitest';
import { cnnFor, fashionMnistCnn } from '../../../shared/model/model-spec.ts';

test('a data set determines name, labels and the last layer of the network', () => {
  const labels = ['circle', 'square', 'triangle'];
  const spec = cnnFor({ name: 'shapes', height: 28, width: 28, labels });
  expect(spec).toEqual({
    ...fashionMnistCnn,
    name: 'shapes-cnn',
    labels,
    layers: [
      ...fashionMnistCnn.layers.slice(0, -1),
      { type: 'dense', units: 3, activation: 'linear' },
    ],
  });
});
