import { expect, it } from 'vitest';
import { openOptimizer, rangesOf, type UpdateSettings } from '../../../trainer/train/optimizer.ts';
import { recipes } from '../../../trainer/train/recipes.ts';
import { createSharedState, slicePart } from '../../../trainer/train/shared-state.ts';

// A kernel of three weights and a bias of two.
const start = [0.5, -0.2, 3, 0.01, -1];
const tensors = [
  { kind: 'kernel', shape: [3, 1], fixed: false },
  { kind: 'bias', shape: [2], fixed: false },
] as const;
const learningRate = 0.01;

/** 20 steps, half of the gradient from each of two workers, the weights updated in two parts. */
function train(settings: UpdateSettings, fixed = false) {
  const noImages = { images: new Uint8Array(0), labels: new Uint8Array(0), count: 0 };
  const state = createSharedState(
    { train: noImages, test: noImages, validation: null },
    {
      parameters: start.length,
      published: start.length,
      workers: 2,
      steps: 0,
      labels: 0,
      averaged: settings.averageDecay > 0,
    },
  );
  state.parameters.set(start);
  state.average?.set(start);
  const [kernel, bias] = tensors;
  const updateWeights = openOptimizer(state, [{ ...kernel, fixed }, bias], settings);
  const history: number[][] = [];
  for (let step = 1; step <= 20; step++) {
    const half = Float32Array.from(start, (_, i) => Math.sin(step * 3 + i) / 2);
    for (const gradient of state.gradients) gradient.set(half);
    for (const part of [0, 1]) {
      updateWeights(learningRate, step, slicePart(start.length, part, 2));
    }
    history.push(Array.from(state.parameters));
  }
  return { ...state, history };
}

// From torch 2.13: the same steps by torch.optim.Adam, AdamW and SGD(momentum=0.9), with weight_decay for the kernel's group.
it.each([
  ['adam', 0, [0.4909779, -0.1786179, 3.0176661, 0.0215259, -1.0218002]],
  ['adam', 0.1, [0.4749197, -0.1722269, 2.9517367, 0.0215259, -1.0218002]],
  ['adamw', 0.1, [0.4812398, -0.1749858, 2.9579539, 0.0215259, -1.0218002]],
  ['sgd', 0, [0.4972935, -0.1620432, 3.0437224, 0.0192902, -1.0336835]],
  ['sgd', 0.1, [0.438888, -0.1409651, 2.6891782, 0.0192902, -1.0336835]],
] as const)("%s with weight decay %d steps as PyTorch's", (optimizer, weightDecay, expected) => {
  const { parameters } = train({ optimizer, weightDecay, averageDecay: 0 });
  for (const [i, value] of expected.entries()) expect(parameters[i]).toBeCloseTo(value, 5);
});

it.each(['adamw', 'sgd'] as const)('leaves fixed weights as they are with %s', (optimizer) => {
  const settings = { optimizer, weightDecay: 0.1, averageDecay: 0.9 };
  const { parameters, average } = train(settings, true);
  expect(parameters.slice(0, 3)).toEqual(Float32Array.from(start.slice(0, 3)));
  for (const i of [0, 1, 2]) expect(average?.[i]).toBeCloseTo(start[i] as number, 6);
  expect(parameters.slice(3)).toEqual(train(settings).parameters.slice(3));
});

it('averages the weights, with a shorter memory at first', () => {
  const { average, history } = train({ ...recipes.tutorial, averageDecay: 0.6 });
  const expected = history.reduce((old, weights, index) => {
    const decay = Math.min(0.6, (2 + index) / (11 + index));
    return old.map((value, i) => decay * value + (1 - decay) * (weights[i] as number));
  }, start);
  for (const [i, value] of expected.entries()) expect(average?.[i]).toBeCloseTo(value, 6);
});

it('changes no bit for options that a recipe leaves out', () => {
  const { parameters } = train(recipes.tutorial);
  expect(train({ ...recipes.tutorial, averageDecay: 0.9 }).parameters).toEqual(parameters);
  expect(train({ ...recipes.tutorial, optimizer: 'adamw' }).parameters).toEqual(parameters);
});

it('finds the ranges of some tensors, neighbours as one', () => {
  const shapes = [[3, 3, 1, 32], [32], [1152, 512], [512], [512]].map((shape) => ({ shape }));
  expect(rangesOf(shapes, ({ shape }) => shape.length > 1)).toEqual([
    [0, 288],
    [320, 320 + 1152 * 512],
  ]);
  expect(rangesOf(shapes, ({ shape }) => shape.length === 1)).toEqual([
    [288, 320],
    [320 + 1152 * 512, 320 + 1152 * 512 + 1024],
  ]);
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

it('adds the gradients of all workers, whatever their length', () => {
  const noImages = { images: new Uint8Array(0), labels: new Uint8Array(0), count: 0 };
  const sizes = { published: 0, workers: 3, steps: 0, labels: 0, averaged: false };
  const length = 43;
  const state = createSharedState(
    { train: noImages, test: noImages, validation: null },
    { ...sizes, parameters: length },
  );
  for (const [worker, gradient] of state.gradients.entries()) {
    for (let i = 0; i < length; i++) gradient[i] = Math.sin(worker * 100 + i);
  }
  const [a, b, c] = state.gradients.map((gradient) => gradient.slice()) as Float32Array[];
  const expected = a?.map((value, i) => Math.fround(value + (b?.[i] ?? 0)) + (c?.[i] ?? 0));
  const update = openOptimizer(state, [{ kind: 'bias', fixed: false, shape: [length] }], {
    ...recipes.tutorial,
    optimizer: 'sgd',
  });
  for (const part of [0, 1]) update(learningRate, 1, slicePart(length, part, 2));
  // The velocity starts as the gradient.
  expect(state.firstMoments).toEqual(expected);
});
