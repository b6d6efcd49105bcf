import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NativeSetup } from '../../trainer/backends/native-setup.ts';
import { buildah, isPresent } from './buildah.ts';
import { environmentFile, type HostSettings } from './host-settings.ts';

const repository = resolve(import.meta.dirname, '../..');
const dockerfile = join(repository, 'infra/trainer/Dockerfile');

export interface BuildImageOptions {
  variant: NativeSetup['variant'];
  /** The name of an image that is here already. */
  baseImage: string;
  host: HostSettings;
}

/**
 * Builds infra/trainer/Dockerfile without a container engine. The stage with compiler and npm, which takes longest and
 * changes least, is kept for the next time.
 *
 * @returns the image's name
 * @throws {SetupError} with the failing step's own words
 */
export async function buildImage(options: BuildImageOptions): Promise<string> {
  const { variant, baseImage, host } = options;
  const scratch = await mkdtemp(join(tmpdir(), 'catwalk-build-'));
  const image = `localhost/catwalk-trainer:${variant}`;
  try {
    const secret = join(scratch, 'environment');
    await writeFile(secret, environmentFile(host), { mode: 0o600 });
    const settings = [
      ...['--isolation', 'chroot', '--format', 'docker', '--pull-never'],
      ...['--build-arg', `BASE_IMAGE=${baseImage}`, '--build-arg', `VARIANT=${variant}`],
      ...['--secret', `id=environment,src=${secret}`],
      ...host.paths.flatMap((path) => ['--volume', `${path}:${path}:ro`]),
      ...['--file', dockerfile],
    ];
    const tools = await toolsImage(baseImage);
    if (!(await isPresent(tools))) {
      await buildah('build', ...settings, '--target', 'tools', '--tag', tools, repository);
    }
    const toolsSetting = ['--build-arg', `TOOLS=${tools}`];
    await buildah('build', ...settings, ...toolsSetting, '--tag', image, repository);
    return image;
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Named by what it is made of, so that another Dockerfile or base makes another. */
async function toolsImage(baseImage: string): Promise<string> {
  const text = await readFile(dockerfile, 'utf8');
  const stage = text.slice(0, text.indexOf(' AS build'));
  const hash = createHash('sha256').update(baseImage).update(stage).digest('hex');
  return `localhost/catwalk-tools:${hash.slice(0, 16)}`;
}
