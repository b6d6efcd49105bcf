import { setImmediate as tick } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { submitSteps } from '../../../shared/webgpu/submit-steps.ts';

it('submits every step once, in order, more at a time while they are fast', async () => {
  const parts: [number, number][] = [];
  await submitSteps(3, 40, async (from, to) => {
    parts.push([from, to]);
    await tick();
    return true;
  });
  expect(parts[0]).toEqual([3, 4]);
  expect(parts.at(-1)?.[1]).toBe(40);
  for (const [index, [from]] of parts.entries()) expect(from).toBe(parts[index - 1]?.[1] ?? 3);
  expect(Math.max(...parts.map(([from, to]) => to - from))).toBeGreaterThan(4);
});

it('keeps single steps if they are slow', async () => {
  const sizes: number[] = [];
  let time = 0;
  const submit = async (from: number, to: number) => {
    sizes.push(to - from);
    return true;
  };
  await submitSteps(0, 4, submit, () => {
    time += 110;
    return time;
  });
  expect(sizes).toEqual([1, 1, 1, 1]);
});

it('finishes what is under way when a submission says to stop', async () => {
  let [submitted, finished] = [0, 0];
  await submitSteps(0, 100, async (from, to) => {
    submitted += to - from;
    await tick();
    finished += to - from;
    return finished < 5;
  });
  expect(finished).toBe(submitted);
  expect(finished).toBeLessThan(100);
});

it('fails with the first error, and leaves no other unhandled', async () => {
  let count = 0;
  const failing = submitSteps(0, 100, async () => {
    const number = ++count;
    await tick();
    throw new Error(`submission ${number}`);
  });
  await expect(failing).rejects.toThrow('submission 1');
  expect(count).toBe(2);
});
