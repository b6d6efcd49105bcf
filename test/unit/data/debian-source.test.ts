import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { debianSource } from '../../../trainer/data/debian-source.ts';
import { knownDatasets } from '../../../trainer/data/known-datasets.ts';
import { requirement } from '../../support/requirement.ts';

const { debian, files } = knownDatasets['fashion-mnist'];
const { testLabels } = files;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-debian-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const hasDpkg = requirement(
  spawnSync('dpkg-deb', ['--version']).status === 0,
  'the download of a Debian package. It needs dpkg-deb.',
);

/** Builds a package with one file, and an apt-get that offers it after `update`. */
async function preparePackage() {
  const root = join(folder, 'package');
  const bin = join(folder, 'bin');
  await mkdir(join(root, debian.folder), { recursive: true });
  await mkdir(join(root, 'DEBIAN'));
  await mkdir(bin);
  await writeFile(join(root, debian.folder, `${testLabels.name}.gz`), 'the labels');
  await writeFile(
    join(root, 'DEBIAN/control'),
    `Package: ${debian.package}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: a test\n`,
  );
  execFileSync('dpkg-deb', ['-b', root, join(folder, 'built.deb')]);
  const script = `#!/bin/sh
case "$*" in
  *update*) touch ${folder}/updated ;;
  *download*) [ -f ${folder}/updated ] || { echo 'E: Unable to locate package' >&2; exit 100; }
    cp ${folder}/built.deb ./dataset_1_all.deb ;;
esac
`;
  await writeFile(join(bin, 'apt-get'), script);
  await chmod(join(bin, 'apt-get'), 0o755);
  return bin;
}

describe('debianSource', () => {
  test.skipIf(!hasDpkg)(
    'updates package lists of its own if the system has none, and leaves nothing behind',
    async () => {
      const bin = await preparePackage();
      const scratch = join(folder, 'scratch');
      await mkdir(scratch);
      vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
      vi.stubEnv('TMPDIR', scratch);
      const read: string[] = [];
      await debianSource(debian).read([testLabels], async (file, bytes) => {
        read.push(`${file.name}: ${Buffer.from(bytes)}`);
      });
      expect(read).toEqual([`${testLabels.name}: the labels`]);
      expect(await readdir(scratch)).toEqual([]);
    },
  );

  test('reports that the machine has no apt-get', async () => {
    vi.stubEnv('PATH', folder);
    const reading = debianSource(debian).read([testLabels], async () => {});
    await expect(reading).rejects.toThrow('apt-get is not installed on this machine');
  });
});
