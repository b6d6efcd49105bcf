import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { runProgram } from '../process/run-program.ts';
import { buildah, isPresent } from './buildah.ts';

/**
 * Builds an image of this machine's Debian from its mirror. It replaces the Dockerfile's base image if no registry can be
 * reached. It is kept for the next build.
 *
 * @returns the image's name
 */
export async function ensureBaseImage(): Promise<string> {
  const { VERSION_CODENAME: suite } = parseEnv(await readFile('/etc/os-release', 'utf8'));
  if (!suite) throw new Error('/etc/os-release names no suite. Run this on Debian or Ubuntu.');
  const image = `localhost/catwalk-base:${suite}`;
  if (await isPresent(image)) return image;
  const scratch = await mkdtemp(join(tmpdir(), 'catwalk-base-'));
  try {
    const root = join(scratch, 'root');
    await runProgram(
      'env',
      [
        ...'DPKG_FORCE=unsafe-io debootstrap --variant=minbase --include=ca-certificates'.split(
          ' ',
        ),
        suite,
        root,
        await mirrorOf(suite),
      ],
      { advice: 'On Debian: apt-get install debootstrap, and run as root.' },
    );
    await writeFile(join(root, 'etc/apt/apt.conf.d/80-host'), await aptSettings());
    // As in Debian's own images, without fsync: after a power cut, the image is built again.
    await writeFile(join(root, 'etc/dpkg/dpkg.cfg.d/unsafe-io'), 'force-unsafe-io\n');
    const container = await buildah('from', 'scratch');
    await buildah('add', container, root, '/');
    await buildah('commit', '--rm', container, image);
    return image;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Returns the mirror that this machine fetches the suite's packages from. */
async function mirrorOf(suite: string): Promise<string> {
  const format = '$(SITE) $(CODENAME) $(COMPONENT)';
  const targets = await runProgram('apt-get', ['indextargets', '--format', format]);
  const line = targets.split('\n').find((target) => target.endsWith(` ${suite} main`));
  const site = line?.split(' ')[0];
  if (!site) throw new Error(`apt has no source of ${suite} main. Run apt-get update.`);
  return site;
}

/** Returns apt's settings for reaching its mirrors, such as proxies. */
async function aptSettings(): Promise<string> {
  const dump = await runProgram('apt-config', ['dump']);
  return dump
    .split('\n')
    .filter((line) => /^Acquire::(https?|Check-|Retries)/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}
