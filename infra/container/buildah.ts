import { dirname, join } from 'node:path';
import { defaultCacheFolder } from '../../node/files.ts';
import { runProgram } from '../process/run-program.ts';

/** A folder outside the checkout, so that a new checkout finds the images of an earlier one. */
export const containerCache = join(dirname(defaultCacheFolder()), 'container');

/** The image storage, separate from the user's own images. */
const storage = [
  `--root=${join(containerCache, 'storage')}`,
  `--runroot=${join(containerCache, 'run')}`,
  '--storage-driver=vfs',
];

/** Returns the command line of a buildah command. It needs no daemon, no registry and no kernel feature except chroot. */
export const buildahCommand = (command: string, ...options: string[]): string[] => [
  'buildah',
  ...storage,
  command,
  ...options,
];

/**
 * Runs a buildah command.
 *
 * @returns its output, without the last line break
 * @throws {StepError}
 */
export async function buildah(command: string, ...options: string[]): Promise<string> {
  const [program, ...rest] = buildahCommand(command, ...options) as [string, ...string[]];
  const output = await runProgram(program, rest, {
    advice: 'On Debian: apt-get install buildah debootstrap, and run as root.',
  });
  return output.trim();
}

/** Reports whether the storage has an image of this name. */
export const isPresent = async (image: string): Promise<boolean> =>
  (await buildah('images', '--filter', `reference=${image}`, '--quiet')) !== '';
