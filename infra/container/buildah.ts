import { dirname, join } from 'node:path';
import { defaultCacheFolder } from '../../node/files.ts';
import { runProgram } from '../process/run-program.ts';

/** Outside the checkout, so that a fresh one finds what an earlier one left. */
export const containerCache = join(dirname(defaultCacheFolder()), 'container');

/** Where images lie: beside the user's own ones, which are left alone. */
const storage = [
  ...['--root', join(containerCache, 'storage'), '--runroot', join(containerCache, 'run')],
  ...['--storage-driver', 'vfs'],
];

/** The whole command line of a buildah command: no daemon, no registry, no kernel features beyond chroot. */
export const buildahCommand = (command: string, ...options: string[]): string[] => [
  'buildah',
  ...storage,
  command,
  ...options,
];

/**
 * Runs a buildah command.
 *
 * @returns what it printed, without the last line's end
 * @throws {StepError} with its own words
 */
export async function buildah(command: string, ...options: string[]): Promise<string> {
  const [program, ...rest] = buildahCommand(command, ...options) as [string, ...string[]];
  const output = await runProgram(program, rest, {
    advice: 'On Debian: apt-get install buildah debootstrap, and run as root.',
  });
  return output.trim();
}

/** Whether an image of that name is in the storage. */
export const isPresent = async (image: string): Promise<boolean> =>
  (await buildah('images', '--filter', `reference=${image}`, '--quiet')) !== '';
