import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { adamDefaults } from '../../../shared/model/adam.ts';
import { openAdam } from '../../../trainer/train/optimizer.ts';

/** Room for a vector of the longest that is tried, in bytes. */
const vectorBytes = 256;

it('equals the formula in double precision, rounded on storing, to the last bit', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const adamStep = openAdam(memory);
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: 1, maxLength: 64 }),
      fc.nat(63),
      fc.nat(63),
      fc.constantFrom(0.001, 0.1),
      (start, first, count, learningRate) => {
        const [from, to] = [first % start.length, Math.min(start.length, first + count)].sort(
          (a, b) => a - b,
        ) as [number, number];
        const [parameters, firstMoments, secondMoments, gradient] = [0, 1, 2, 3].map((index) =>
          new Float32Array(memory.buffer, index * vectorBytes, start.length).fill(0),
        ) as [Float32Array, Float32Array, Float32Array, Float32Array];
        parameters.set(start);
        const state = { parameters, firstMoments, secondMoments };
        const expected = start.map(() => ({ weight: 0, moment: 0, square: 0 }));
        for (const [i, one] of expected.entries()) one.weight = parameters[i] as number;
        const { beta1, beta2, epsilon } = adamDefaults;
        for (let step = 1; step <= 5; step++) {
          for (const i of start.keys()) gradient[i] = Math.sin(7 * i + step) / (i + 1);
          adamStep(state, gradient, learningRate, step, [from, to]);
          for (const [i, one] of expected.slice(from, to).entries()) {
            const slope = gradient[from + i] as number;
            const moment = one.moment * beta1 + slope * (1 - beta1);
            const square = one.square * beta2 + slope * slope * (1 - beta2);
            const root = Math.sqrt(square) * (1 / Math.sqrt(1 - beta2 ** step));
            const change = ((learningRate / (1 - beta1 ** step)) * moment) / (root + epsilon);
            one.weight = Math.fround(one.weight - change);
            one.moment = Math.fround(moment);
            one.square = Math.fround(square);
          }
        }
        expect(Array.from(parameters)).toEqual(expected.map(({ weight }) => weight));
        expect(Array.from(firstMoments)).toEqual(expected.map(({ moment }) => moment));
        expect(Array.from(secondMoments)).toEqual(expected.map(({ square }) => square));
      },
    ),
  );
});
