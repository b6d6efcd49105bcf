/** Files that PyTorch itself writes when the tests run: test/support/python/checkpoints.py. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importWeights } from '../../../trainer/run/import-weights.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { fromPytorch } from '../../../trainer/weights/pytorch.ts';
import { readWeightsFile } from '../../../trainer/weights/read-weights-file.ts';
import { fixtureDataset } from '../../support/datasets/fixture-dataset.ts';
import { logitsOf, maxDifference, narrowCnn } from '../../support/models/narrow-network.ts';
import { type Checkpoints, hasPytorch, writeCheckpoints } from '../../support/python/pytorch.ts';
import { requirement } from '../../support/requirement.ts';

const isHere = requirement(
  await hasPytorch(),
  'checkpoints that PyTorch writes. Set CATWALK_PYTHON to a Python with torch and safetensors.',
  'CATWALK_REQUIRE_TORCH',
);

describe.skipIf(!isHere)('a file of torch.save', () => {
  let folder: string;
  let pytorch: Checkpoints;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catwalk-checkpoints-'));
    pytorch = await writeCheckpoints(folder);
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  const formats = ['', '-legacy', '-protocol-4'];
  const fileOf = (name: string) => join(folder, `${name}.pth`);

  async function expectLogits(file: string, key: string | undefined, network: string) {
    const read = await readWeightsFile(file, key);
    expect(read.format).toBe('pytorch');
    const found = await logitsOf(fromPytorch(read.tensors, narrowCnn));
    expect(maxDifference(found, pytorch.logits[network] as number[][])).toBeLessThan(1e-5);
    return read;
  }

  /** File, key under which its weights are, and what it is about. */
  const single: [string, string, string][] = [
    ['tensors-beside', 'model_state_dict', 'the state of random numbers and a loss beside it'],
    ['integers', 'state_dict', 'integers of 64 bits and more'],
    ['numpy', 'state_dict', 'scalars and arrays of NumPy'],
    ['namespace', 'model', 'a Namespace with a path'],
    ['collections', 'net', 'defaultdict, Counter, sets, Size, device, dtype, tuple keys'],
    ['optimizer', 'model', "Adam's state"],
    ['deep', 'trainer.ema.weights', 'the weights three keys down'],
    ['beside-weights', '', 'numbers among the weights'],
    ['swa', '', 'an AveragedModel with n_averaged'],
    ['parallel', '', 'the prefix of DataParallel'],
    ['compiled', '', 'the prefix of torch.compile'],
    ['parameters', '', 'parameters instead of tensors'],
    ['attributes', '', 'tensors with attributes'],
    ['class', 'state_dict', 'a dictionary of an unknown class'],
  ];
  const cases = single.flatMap(([name, key, about]) =>
    formats.map((format) => [`${name}${format}`, key, about] as const),
  );
  test.each(cases)("%s: weights under '%s' (%s)", async (name, key) => {
    const read = await expectLogits(fileOf(name), undefined, 'first');
    expect(read).toMatchObject({ key, keys: [key] });
  });

  describe.each(formats)('with several networks%s', (format) => {
    test('takes the model and names the others', async () => {
      const file = fileOf(`model-and-ema${format}`);
      const read = await expectLogits(file, undefined, 'first');
      expect(read).toMatchObject({ key: 'model', keys: ['model', 'ema'] });
      expect(await expectLogits(file, 'ema', 'second')).toMatchObject({ key: 'ema' });
    });

    test('asks which, and lists them', async () => {
      const file = fileOf(`two-networks${format}`);
      const places = 'student, teacher. Choose one with --key';
      await expect(readWeightsFile(file)).rejects.toThrow(
        `${file}: The file has weights under several keys: ${places}`,
      );
      await expect(readWeightsFile(file, 'ema')).rejects.toThrow(
        `The file has no weights under ema. It has them under: ${places}`,
      );
      await expectLogits(file, 'teacher', 'second');
    });

    test('is refused if it is a whole model', async () => {
      await expect(readWeightsFile(fileOf(`module${format}`))).rejects.toThrow(
        'no state_dict, but a pickled object (tutorial_weights.Network): save model.state_dict()',
      );
      await expect(readWeightsFile(fileOf(`module-under-key${format}`))).rejects.toThrow(
        'a pickled object (tutorial_weights.Network under net)',
      );
    });
  });

  describe('of a network that was trained with pixels in [0, 1]', () => {
    const importFile = (scale: { mean?: number; std?: number }) =>
      importWeights({
        file: fileOf('unit-pixels'),
        loadDataset: fixtureDataset,
        specFor: () => narrowCnn,
        backend: 'wasm',
        device: 'auto',
        runs: join(folder, 'runs'),
        ...scale,
      });

    test('has the accuracy of PyTorch with --mean 0 --std 1, which the run records', async () => {
      const { run, metrics, betterScale } = await importFile({ mean: 0, std: 1 });
      expect(metrics.accuracy).toBeCloseTo(pytorch.accuracy, 5);
      expect(betterScale).toBeNull();
      const { preprocessing } = (await readRun(run)).config.spec;
      expect(preprocessing).toMatchObject({ mean: 0, std: 1 });
    });

    test('has less without, and the better scale is named', async () => {
      const { metrics, betterScale } = await importFile({});
      expect(metrics.accuracy).toBeLessThan(pytorch.accuracy - 0.1);
      const better = { mean: 0, std: 1, accuracy: expect.closeTo(pytorch.accuracy, 5) };
      const own = { mean: 0.5, std: 0.5, accuracy: metrics.accuracy };
      expect(betterScale).toEqual({ better, own, images: 100 });
    });
  });

  test('that it is not is named', async () => {
    await expect(readWeightsFile(fileOf('pickled'))).rejects.toThrow('torch.save did not write');
    await expect(readWeightsFile(join(folder, 'arrays.npz'))).rejects.toThrow('has no data.pkl');
  });
});
