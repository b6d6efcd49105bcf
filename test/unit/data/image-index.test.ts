/** Files that have not changed since the last command are not even read again. */
import { createHash } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stateOf } from '../../../trainer/data/image-index.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';

/** Images that are in git, so that no test has just written them. */
const docs = join(import.meta.dirname, '../../../docs');
const links = {
  'train/a/0.png': 'page.png',
  'train/b/0.png': 'page-dark.png',
  'test/a/1.png': 'page-explore.png',
};

let root: string;
let folder: string;
let cacheDir: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-image-index-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, `set-${++made}`);
  cacheDir = join(root, `cache-${made}`);
  for (const [path, target] of Object.entries(links)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await symlink(join(docs, target), join(folder, path));
  }
});

const load = () => loadDataset({ dataset: folder, cacheDir, background: { kind: 'keep' } });

/** The index's file for a folder of the data set, which names the only image in it. */
async function indexOf(part: string) {
  const name = createHash('sha256').update(join(folder, part)).digest('hex').slice(0, 32);
  return jsonFile((path) => path.endsWith(`${name}.json`));
}

/** The sample's file, whose name is a whole SHA-256. */
const sampleFile = () => jsonFile((path) => /[0-9a-f]{64}\.json$/.test(path));

async function jsonFile(matches: (path: string) => boolean) {
  const images = join(cacheDir, 'images');
  const file = join(images, (await readdir(images, { recursive: true })).find(matches) ?? '');
  return { file, content: JSON.parse(await readFile(file, 'utf8')) };
}

describe('the index of a folder', () => {
  test('stands for the content of its files', async () => {
    const first = await load();
    const [a, b] = [await indexOf('train/a'), await indexOf('train/b')];
    a.content['0.png'].sha256 = b.content['0.png'].sha256;
    await writeFile(a.file, JSON.stringify(a.content));
    const second = await load();
    const light = first.train.images.subarray(784);
    expect(second.train.images).toEqual(new Uint8Array([...light, ...light]));
  });

  test('is written again if it is damaged', async () => {
    const first = await load();
    const { file, content } = await indexOf('test/a');
    for (const damaged of ['', '{"1.png"', '[]', '{"1.png":{"sha256":7}}']) {
      await writeFile(file, damaged);
      expect((await load()).files).toEqual(first.files);
      expect((await indexOf('test/a')).content).toEqual(content);
    }
  });

  test('does not know a file that another has replaced', async () => {
    const first = await load();
    await rm(join(folder, 'test/a/1.png'));
    await symlink(join(docs, 'page-dark.png'), join(folder, 'test/a/1.png'));
    const { test, train } = await load();
    expect(test.images).not.toEqual(first.test.images);
    expect(test.images).toEqual(train.images.slice(784));
  });
});

describe('the sample of a folder', () => {
  test('is not examined again while its files are the same', async () => {
    const first = await load();
    const { file, content } = await sampleFile();
    expect(first.folder?.sample).toEqual(content);
    const other = { ...content, sizes: null };
    await writeFile(file, JSON.stringify(other));
    expect((await load()).folder?.sample).toEqual(other);
    await rm(join(folder, 'train/a/0.png'));
    await symlink(join(docs, 'page-explore.png'), join(folder, 'train/a/0.png'));
    expect((await load()).folder?.sample?.sizes).not.toBeNull();
  });

  test('is examined again if its file is damaged', async () => {
    const first = await load();
    const { file } = await sampleFile();
    for (const damaged of ['', '{}', '{"isColourful":true']) {
      await writeFile(file, damaged);
      expect((await load()).folder?.sample).toEqual(first.folder?.sample);
      expect((await sampleFile()).content).toEqual(first.folder?.sample);
    }
  });
});

describe('the state of a file', () => {
  const later = () => Date.now() + 60_000;

  test('tells nothing if the file has just changed, or is missing', async () => {
    const file = join(folder, 'new');
    await writeFile(file, 'content');
    expect(stateOf(file)).toBeNull();
    expect(stateOf(file, later())).toMatch(/^7 \d+ \d+$/);
    expect(stateOf(join(folder, 'missing'), later())).toBeNull();
  });

  test('changes even if size and time are those of before', async () => {
    const file = join(folder, 'same');
    await writeFile(file, 'before');
    await utimes(file, 1000, 1000);
    const before = stateOf(file, later());
    // The clock of the file system may stand still for some milliseconds.
    await expect
      .poll(async () => {
        await writeFile(file, 'behind');
        await utimes(file, 1000, 1000);
        return stateOf(file, later());
      })
      .not.toBe(before);
  });
});
