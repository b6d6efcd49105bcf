import { describe, expect, it } from 'vitest';
import type { BackendName } from '../../../trainer/backends/backend.ts';
import { firstThatOpens } from '../../../trainer/backends/first-that-opens.ts';
import { NotSetUpError } from '../../../trainer/backends/native-setup.ts';
import { openBackend } from '../../../trainer/backends/open-backend.ts';

/** Opens `name` alone; tensorflow is not set up, the others are broken. */
const onlyOpens = (name: BackendName) => async (candidate: BackendName) => {
  if (candidate === name) return candidate;
  throw candidate === 'tensorflow' ? new NotSetUpError() : new Error('broken');
};

describe('the backend that is used', () => {
  it('is the fastest that opens, with a reason for each faster one', async () => {
    expect(await firstThatOpens('auto', 'auto', onlyOpens('tensorflow'))).toEqual({
      opened: 'tensorflow',
      skipped: [],
    });
    expect(await firstThatOpens('auto', 'auto', onlyOpens('cpu'))).toEqual({
      opened: 'cpu',
      skipped: [
        { name: 'tensorflow', reason: 'tensorflow is not set up (npm run setup:native)' },
        { name: 'wasm', reason: 'wasm does not load: broken' },
      ],
    });
  });

  it('is never another one than the one asked for', async () => {
    await expect(firstThatOpens('wasm', 'auto', onlyOpens('cpu'))).rejects.toThrow(
      'wasm does not load: broken',
    );
  });

  it('is tensorflow or none where a GPU is asked for', async () => {
    await expect(firstThatOpens('auto', 'gpu', onlyOpens('wasm'))).rejects.toThrow(
      'tensorflow is not set up (npm run setup:native)',
    );
    await expect(openBackend('wasm', { device: 'gpu' })).rejects.toThrow('on the CPU alone');
  });
});
