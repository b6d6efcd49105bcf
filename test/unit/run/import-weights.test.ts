import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { argMax } from '../../../shared/model/predict.ts';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import { exportRun } from '../../../trainer/evaluate/export-run.ts';
import { modelFiles } from '../../../trainer/registry/publish-version.ts';
import { type ImportOptions, importWeights } from '../../../trainer/run/import-weights.ts';
import { readRun } from '../../../trainer/run/read-run.ts';

import { readSafetensors } from '../../../trainer/weights/safetensors.ts';
import { storeAs } from '../../../trainer/weights/stored-weights.ts';
import type { NamedTensor } from '../../../trainer/weights/tensor.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';
import {
  fixture,
  narrowCnn,
  pytorchLogits,
  readFixture,
} from '../../support/models/narrow-network.ts';

let runs: string;
let dataset: Dataset;

beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), 'catwalk-import-'));
  const { images, labels } = await firstTestImages();
  const first = { images: images.subarray(0, 7840), labels: labels.subarray(0, 10), count: 10 };
  dataset = {
    name: 'fashion-mnist',
    height: 28,
    width: 28,
    labels: fashionMnistCnn.labels,
    fit: 'contain',
    background: { kind: 'isolate' },
    train: first,
    test: first,
    files: {},
    origin: 'fashion-mnist',
    source: 'a test',
  };
});
afterAll(() => rm(runs, { recursive: true }));

const importNarrow = (changes: Partial<ImportOptions> = {}) =>
  importWeights({
    file: fixture('narrow.pth'),
    loadDataset: async () => dataset,
    specFor: () => narrowCnn,
    backend: 'wasm',
    device: 'auto',
    runs,
    ...changes,
  });

test("creates a run from PyTorch's weights, evaluated on the test images", async () => {
  const { run, metrics } = await importNarrow();
  const stored = await readRun(run);
  expect(await readFile(join(run, 'README.md'), 'utf8')).toContain('imported from narrow.pth');
  const right = pytorchLogits.narrow.filter((row, i) => argMax(row) === dataset.test.labels[i]);
  expect(metrics.accuracy).toBe(right.length / 10);
  expect(stored.epoch).toMatchObject({ epoch: 0, accuracy: metrics.accuracy });
  expect(stored.training).toMatchObject({ recipe: 'imported', epochs: 0, backend: 'wasm' });
  expect(stored.config).toMatchObject({
    spec: narrowCnn,
    dataset: { name: 'fashion-mnist', origin: 'fashion-mnist' },
    parent: { file: 'narrow.pth', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
});

test('exports the imported tensors under the requested names', async () => {
  const { run } = await importNarrow({ file: fixture('narrow.safetensors') });
  const stored = await readRun(run);
  const described = (tensors: NamedTensor[]) =>
    tensors.map(({ name, shape, values }) => ({ name, shape, values: [...values()] }));
  expect(described(readSafetensors(await exportRun(stored, 'safetensors')))).toEqual(
    described(readSafetensors(await readFixture('narrow.safetensors'))),
  );
  const renamed = readSafetensors(
    await exportRun(stored, 'safetensors', ['a.0', 'a.3', 'a.6', 'b.1', 'b.4']),
  );
  expect(renamed.map(({ name }) => name).filter((name) => name.endsWith('.bias'))).toEqual([
    'a.0.bias',
    'a.3.bias',
    'a.6.bias',
    'b.1.bias',
    'b.4.bias',
  ]);
  await expect(exportRun(stored, 'safetensors', ['a'])).rejects.toThrow(
    '1 names; the network has 5 layers',
  );
});

test('exports a run of half precision as float32', async () => {
  const { run } = await importNarrow();
  const stored = await readRun(run);
  const { modelTopology, weightsManifest } = JSON.parse(
    Buffer.from(stored.files['model.json']).toString(),
  );
  const whole = {
    modelTopology,
    weightSpecs: weightsManifest[0].weights,
    weightData: new Uint8Array(stored.files['weights.bin']).buffer,
  };
  const files = modelFiles(storeAs('float16', whole));
  const [half, full] = [
    await exportRun({ ...stored, files }, 'safetensors'),
    await exportRun(stored, 'safetensors'),
  ];
  const values = readSafetensors(full).map((tensor) => [...tensor.values()]);
  for (const [i, tensor] of readSafetensors(half).entries()) {
    for (const [j, value] of tensor.values().entries()) {
      expect(Math.abs(value - (values[i]?.[j] as number))).toBeLessThan(1e-3);
    }
  }
  expect(files['weights.bin'].byteLength).toBe(stored.files['weights.bin'].byteLength / 2);
});

test('names the file and the tensors that do not match the network', async () => {
  const importing = importNarrow({ specFor: () => fashionMnistCnn });
  await expect(importing).rejects.toThrow(/narrow\.pth: .*conv1\.weight is \[4, 1, 3, 3\], but/s);
});
