import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { committedSnapshot } from '../../../infra/snapshot/folders.ts';
import { writeSnapshot } from '../../../infra/snapshot/write-snapshot.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-snapshot-'));
});
afterAll(() => rm(folder, { recursive: true }));

const readFrom = (bucket: string) => (key: string) => readFile(join(bucket, key)).catch(() => null);
const served = {
  prefix: '',
  model: 'fashion-mnist-cnn',
  alias: 'production',
  dataset: 'fashion-mnist',
};

describe('the starter model', () => {
  it('has the bytes that its manifest lists, and can be carried on', async () => {
    const target = join(folder, 'copy');
    const read = readFrom(committedSnapshot);
    const version = await writeSnapshot({ ...served, read, folder: target });
    expect(version).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/);
    for (const file of ['model.json', 'weights.bin', 'manifest.json']) {
      const key = `models/${served.model}/versions/${version}/${file}`;
      expect(await readFrom(target)(key)).toEqual(await read(key));
    }
    const manifest = await readFile(
      join(target, `models/${served.model}/versions/${version}/manifest.json`),
    );
    const { metrics, training } = JSON.parse(String(manifest));
    expect(metrics.accuracy).toBeCloseTo(0.9139, 4);
    // Anyone can train it again from this commit.
    expect(training.git).toEqual({ commit: expect.stringMatching(/^[0-9a-f]{40}$/), dirty: false });
    const alias = await readFile(join(target, `models/${served.model}/aliases/production.json`));
    expect(JSON.parse(String(alias))).not.toHaveProperty('history');
    const described = await readFile(join(target, 'datasets/fashion-mnist/dataset.json'));
    expect(JSON.parse(String(described))).toMatchObject({ images: 300 });
  });

  it('is not replaced by a corrupt version, nor by none', async () => {
    const corrupt = join(folder, 'corrupt');
    await cp(committedSnapshot, corrupt, { recursive: true });
    const { version } = JSON.parse(
      String(await readFile(join(corrupt, `models/${served.model}/aliases/production.json`))),
    );
    const weights = join(corrupt, `models/${served.model}/versions/${version}/weights.bin`);
    await writeFile(weights, new Uint8Array(688_138));
    const options = { ...served, folder: join(folder, 'target') };
    await cp(committedSnapshot, options.folder, { recursive: true });
    await expect(writeSnapshot({ ...options, read: readFrom(corrupt) })).rejects.toThrow('corrupt');
    expect(await writeSnapshot({ ...options, read: async () => null })).toBeNull();
    for (const file of ['manifest.json', 'weights.bin']) {
      const key = `models/${served.model}/versions/${version}/${file}`;
      expect(await readFrom(options.folder)(key)).toEqual(await readFrom(committedSnapshot)(key));
    }
  });
});
