import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { modelFiles } from '../../../trainer/registry/publish-version.ts';
import { RunError, readRun } from '../../../trainer/run/read-run.ts';
import { createRunFolder, type RunFolder } from '../../../trainer/run/run-folder.ts';
import { trainedModel } from '../../support/models/trained-model.ts';

let runs: string;
let first: Awaited<ReturnType<typeof trainedModel>>;
let second: typeof first;
let run: RunFolder;
const { epoch: _, seconds, imagesPerSecond, ...base } = (await trainedModel(1, 0.9)).training;

beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), 'catwalk-runs-'));
  first = await trainedModel(1, 0.9);
  second = await trainedModel(2, 0.8);
});
afterAll(() => rm(runs, { recursive: true }));

let started = 0;
beforeEach(async () => {
  const { spec, dataset } = first;
  const config = { ...base, limit: null, spec, dataset };
  run = await createRunFolder(runs, config, new Date(Date.UTC(2026, 0, 1, 0, 0, started++)));
});

const write = ({ metrics, artifacts }: typeof first, epoch: number) =>
  run.writeEpoch({ epoch, seconds, imagesPerSecond, ...metrics }, artifacts);

describe('readRun', () => {
  it('reads what a training wrote, and finds the epoch of the weights', async () => {
    await write(first, 1);
    await write(second, 2);
    const stored = await readRun(run.path);
    expect(stored.epochs).toHaveLength(2);
    expect(stored.epoch).toMatchObject({ epoch: 2, accuracy: 0.8 });
    expect(stored.training).toMatchObject({ ...first.training, epoch: 2 });
    expect(stored.config).toMatchObject({ spec: first.spec, dataset: first.dataset, limit: null });
    expect(Buffer.compare(stored.files['weights.bin'], weightsOf(second))).toBe(0);
  });

  it('uses the older epoch if the newer one was killed before its weights were written', async () => {
    await write(first, 1);
    await write(second, 2);
    await writeFile(join(run.path, 'model/weights.bin'), weightsOf(first));
    expect((await readRun(run.path)).epoch.epoch).toBe(1);
  });

  it('ignores a truncated line', async () => {
    await write(first, 1);
    await appendFile(join(run.path, 'metrics.jsonl'), '{"epoch":2,"accur');
    expect((await readRun(run.path)).epochs).toHaveLength(1);
  });

  it.each(['config.json', 'metrics.jsonl', 'model/weights.bin', 'model/model.json'])(
    'reports a missing %s, and how to create it',
    async (file) => {
      await write(first, 1);
      await rm(join(run.path, file));
      const error = await readRun(run.path).catch((reason) => reason);
      expect(error).toBeInstanceOf(RunError);
      expect(error.message).toContain(file);
      expect(error.message).toContain('catwalk train');
    },
  );

  it('refuses weights that belong to no recorded epoch', async () => {
    await write(first, 1);
    const weights = await readFile(join(run.path, 'model/weights.bin'));
    await writeFile(join(run.path, 'model/weights.bin'), weights.subarray(0, -4));
    await expect(readRun(run.path)).rejects.toThrow(/weights\.bin does not belong to any epoch/);
  });

  it('names the file and the invalid value', async () => {
    await write(first, 1);
    await appendFile(join(run.path, 'metrics.jsonl'), '{"epoch":-2}\n');
    await expect(readRun(run.path)).rejects.toThrow(/metrics\.jsonl:2 is invalid:.*accuracy/s);
    await writeFile(join(run.path, 'config.json'), '{');
    await expect(readRun(run.path)).rejects.toThrow(/config\.json is invalid/);
  });
});

const weightsOf = ({ artifacts }: typeof first) => modelFiles(artifacts)['weights.bin'];
