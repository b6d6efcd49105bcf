import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { runProgram } from '../process/run-program.ts';
import { buildah, isPresent } from './buildah.ts';

/**
 * Makes an image of this machine's own Debian from its own mirror, which takes the place of the Dockerfile's base image
 * where no registry is in reach. Kept for the next time.
 *
 * @returns the image's name
 */
export async function ensureBaseImage(): Promise<string> {
  const { VERSION_CODENAME: suite } = parseEnv(await readFile('/etc/os-release', 'utf8'));
  if (!suite) throw new Error('/etc/os-release names no suite: a Debian or Ubuntu is needed.');
  const image = `localhost/catwalk-base:${suite}`;
  if (await isPresent(image)) return image;
  const scratch = await mkdtemp(join(tmpdir(), 'catwalk-base-'));
  try {
    const root = join(scratch, 'root');
    await runProgram(
      'env',
      [
        ...['DPKG_FORCE=unsafe-io', 'debootstrap', '--variant=minbase'],
        ...['--include=ca-certificates', suite, root, await mirrorOf(suite)],
      ],
      { advice: 'On Debian: apt-get install debootstrap, and run as root.' },
    );
    await writeFile(join(root, 'etc/apt/apt.conf.d/80-host'), await aptSettings());
    // As in Debian's own images: what a power cut would lose is built again.
    await writeFile(join(root, 'etc/dpkg/dpkg.cfg.d/unsafe-io'), 'force-unsafe-io\n');
    const container = await buildah('from', 'scratch');
    await buildah('add', container, root, '/');
    await buildah('commit', '--rm', container, image);
    return image;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The address that this machine takes the suite's packages from. */
async function mirrorOf(suite: string): Promise<string> {
  const format = '$(SITE) $(CODENAME) $(COMPONENT)';
  const targets = await runProgram('apt-get', ['indextargets', '--format', format]);
  const line = targets.split('\n').find((target) => target.endsWith(` ${suite} main`));
  const site = line?.split(' ')[0];
  if (!site) throw new Error(`apt has no source of ${suite} main; run apt-get update.`);
  return site;
}

/** How apt reaches its mirrors here: proxies and their like. */
async function aptSettings(): Promise<string> {
  const dump = await runProgram('apt-config', ['dump']);
  return dump
    .split('\n')
    .filter((line) => /^Acquire::(https?|Check-|Retries)/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}
