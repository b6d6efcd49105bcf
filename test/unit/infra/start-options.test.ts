import { expect, test } from 'vitest';
import { parseStartOptions } from '../../../infra/local/options.ts';

test('the defaults are the tutorial on port 8787', () => {
  expect(parseStartOptions([])).toEqual({
    port: 8787,
    persistTo: '.wrangler/state',
    retrain: false,
    dataset: 'fashion-mnist',
    trainerArguments: [],
  });
});

test('training options are passed on unchanged', () => {
  const line =
    '--retrain --port 0 --epochs 4 --seed -3 --backend wasm --threads 2 --limit 64 --dataset mnist --data-dir d --force --recipe best --no-flip';
  expect(parseStartOptions(line.split(' '))).toEqual({
    port: 0,
    persistTo: '.wrangler/state',
    retrain: true,
    dataset: 'mnist',
    trainerArguments: [
      '--recipe=best',
      '--epochs=4',
      '--no-flip',
      '--seed=-3',
      '--backend=wasm',
      '--threads=2',
      '--limit=64',
      '--dataset=mnist',
      '--data-dir=d',
      '--force',
    ],
  });
});
