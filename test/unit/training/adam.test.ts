import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, it } from 'vitest';
import { adamDefaults, adamStep } from '../../../trainer/training/adam.ts';
import { slicePart } from '../../../trainer/training/shared-state.ts';
import { shuffle } from '../../../trainer/training/shuffle.ts';

it("adamStep follows TensorFlow.js's own Adam", async () => {
  await tf.setBackend('cpu');
  const start = [0.5, -0.2, 3, 0.01, -1];
  const options = { ...adamDefaults, learningRate: 0.01 };
  const { learningRate, beta1, beta2, epsilon } = options;
  const variable = tf.variable(tf.tensor1d(start));
  const optimizer = tf.train.adam(learningRate, beta1, beta2, epsilon);
  const zeros = () => new Float32Array(start.length);
  const state = {
    parameters: Float32Array.from(start),
    firstMoments: zeros(),
    secondMoments: zeros(),
  };
  for (let step = 1; step <= 20; step++) {
    const gradient = start.map((_, i) => Math.sin(step * 3 + i));
    // Half of the gradient from each of two replicas, the vector in two parts.
    const half = Float32Array.from(gradient, (value) => value / 2);
    for (const part of [0, 1]) {
      adamStep(state, [half, half], options, step, ...slicePart(start.length, part, 2));
    }
    tf.tidy(() =>
      optimizer.applyGradients([{ name: variable.name, tensor: tf.tensor1d(gradient) }]),
    );
  }
  const expected = variable.dataSync();
  for (const [i, value] of state.parameters.entries()) {
    expect(value).toBeCloseTo(expected[i] as number, 5);
  }
});

it('slicePart covers everything once', () => {
  for (const length of [0, 1, 7, 64, 688_138]) {
    for (const parts of [1, 2, 3, 8]) {
      const slices = Array.from({ length: parts }, (_, part) => slicePart(length, part, parts));
      expect(slices[0]?.[0]).toBe(0);
      expect(slices.at(-1)?.[1]).toBe(length);
      for (const [part, [from]] of slices.slice(1).entries()) expect(slices[part]?.[1]).toBe(from);
    }
  }
});

it('shuffle gives every image once, in an order that only the seed decides', () => {
  const orderOf = (seed: string) => {
    const order = new Uint32Array(1000);
    shuffle(order, seed);
    return Array.from(order);
  };
  expect(orderOf('1/shuffle/1').toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 1000 }, (_, i) => i),
  );
  expect(orderOf('1/shuffle/1')).toEqual(orderOf('1/shuffle/1'));
  expect(orderOf('1/shuffle/1')).not.toEqual(orderOf('1/shuffle/2'));
});
