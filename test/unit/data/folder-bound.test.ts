import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { InvalidDatasetError } from '../../../trainer/data/dataset.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';

it.runIf(inject('whole'))(
  'a part of a folder has at most 100,000 images',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'catwalk-many-'));
    for (const label of ['a', 'b']) {
      mkdirSync(join(folder, label));
      for (let i = 0; i <= 50_000; i++) writeFileSync(join(folder, label, `${i}.png`), '');
    }
    const refused = await loadDataset({ dataset: folder }).catch((error) => error);
    expect(refused).toBeInstanceOf(InvalidDatasetError);
    expect(refused.message).toBe(`${folder} has more than 100,000 images. Train on fewer of them.`);
    rmSync(folder, { recursive: true });
  },
  60_000,
);
