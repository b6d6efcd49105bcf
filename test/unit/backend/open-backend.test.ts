import { describe, expect, it } from 'vitest';
import type { BackendName, DeviceChoice } from '../../../trainer/backend/backend.ts';
import { NotSetUpError } from '../../../trainer/backend/native-setup.ts';
import { openBackend, openFastest } from '../../../trainer/backend/open-backend.ts';

/** Opens only `name`, and only on `kind`; tensorflow and webgpu are not set up, the others fail. */
const onlyOpens =
  (name: BackendName, kind: DeviceChoice = 'cpu') =>
  async (candidate: BackendName, device: DeviceChoice) => {
    if (candidate === name && device === kind) return `${candidate} on ${device}`;
    const isOptional = candidate === 'tensorflow' || candidate === 'webgpu';
    throw isOptional ? new NotSetUpError(candidate) : new Error('broken');
  };

describe('the selected backend', () => {
  it('is the fastest that opens, with the reason why faster ones do not', async () => {
    expect(await openFastest('auto', 'auto', onlyOpens('webgpu', 'gpu'))).toEqual({
      opened: 'webgpu on gpu',
      skipped: [],
    });
    const noWebgpu = {
      name: 'webgpu',
      reason: 'webgpu is not set up (npm run setup:webgpu)',
    };
    expect(await openFastest('auto', 'auto', onlyOpens('tensorflow', 'gpu'))).toEqual({
      opened: 'tensorflow on gpu',
      skipped: [noWebgpu],
    });
    const notSetUp = {
      name: 'tensorflow',
      reason: 'tensorflow is not set up (npm run setup:native)',
    };
    const broken = { name: 'wasm', reason: 'wasm does not load: broken' };
    expect(await openFastest('auto', 'auto', onlyOpens('cpu'))).toEqual({
      opened: 'cpu on cpu',
      skipped: [noWebgpu, notSetUp, broken, notSetUp],
    });
  });

  it('is wasm on a CPU, even if tensorflow would open', async () => {
    const opens = async (name: BackendName, device: DeviceChoice) => {
      if (device === 'gpu') throw new Error('no GPU answers');
      return name;
    };
    expect((await openFastest('auto', 'auto', opens)).opened).toBe('wasm');
    expect((await openFastest('auto', 'cpu', opens)).opened).toBe('wasm');
  });

  it('is never another than the requested one', async () => {
    await expect(openFastest('wasm', 'auto', onlyOpens('cpu'))).rejects.toThrow(
      'wasm does not load: broken',
    );
  });

  it('is webgpu, tensorflow or none if a GPU is requested', async () => {
    await expect(openFastest('auto', 'gpu', onlyOpens('wasm'))).rejects.toThrow(
      'webgpu is not set up (npm run setup:webgpu); tensorflow is not set up (npm run setup:native)',
    );
    await expect(openBackend('wasm', { device: 'gpu' })).rejects.toThrow('can use only the CPU');
  });
});
