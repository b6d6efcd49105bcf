import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildah, isPresent } from './buildah.ts';
import { environmentFile, type HostSettings } from './host-settings.ts';

const repository = resolve(import.meta.dirname, '../..');
const dockerfileOf = (program: Program) => join(repository, 'infra', program, 'Dockerfile');

/** A program with a Dockerfile in its folder of infra/. */
type Program = 'trainer' | 'worker';

export interface BuildImageOptions {
  program: Program;
  /** The name of an image in the local storage. */
  baseImage: string;
  host: HostSettings;
  /** The Dockerfile's build arguments. */
  settings?: Record<string, string>;
}

/**
 * Builds infra/<program>/Dockerfile without a container engine. Both programs share the trainer's stage with compiler and npm,
 * which takes longest and changes least. It is kept for the next build.
 *
 * @returns the image's name
 * @throws {StepError}
 */
export async function buildImage(options: BuildImageOptions): Promise<string> {
  const { program, baseImage, host } = options;
  const scratch = await mkdtemp(join(tmpdir(), 'catwalk-build-'));
  const image = `localhost/catwalk-${program}`;
  try {
    const secret = join(scratch, 'environment');
    await writeFile(secret, environmentFile(host), { mode: 0o600 });
    const settings = [
      '--isolation=chroot',
      '--format=docker',
      '--pull-never',
      ...Object.entries({ ...options.settings, BASE_IMAGE: baseImage }).map(
        ([name, value]) => `--build-arg=${name}=${value}`,
      ),
      `--secret=id=environment,src=${secret}`,
      ...host.paths.map((path) => `--volume=${path}:${path}:ro`),
    ];
    const tools = await toolsImage(baseImage);
    if (!(await isPresent(tools))) {
      const stage = ['--file', dockerfileOf('trainer'), '--target', 'tools', '--tag', tools];
      await buildah('build', ...settings, ...stage, repository);
    }
    const whole = ['--file', dockerfileOf(program), '--build-arg', `TOOLS=${tools}`];
    await buildah('build', ...settings, ...whole, '--tag', image, repository);
    return image;
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Returns a name with the hash of the stage, so that another Dockerfile or base image gives another stage. */
async function toolsImage(baseImage: string): Promise<string> {
  const text = await readFile(dockerfileOf('trainer'), 'utf8');
  const stage = text.slice(0, text.indexOf(' AS build'));
  const hash = createHash('sha256').update(baseImage).update(stage).digest('hex');
  return `localhost/catwalk-tools:${hash.slice(0, 16)}`;
}
