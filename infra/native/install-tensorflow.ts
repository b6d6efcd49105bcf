import { readdir, rm, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { NativeSetup } from '../../trainer/backend/native-setup.ts';
import { runProgram, SetupError } from './run-program.ts';

/** The wheels' tags; the oldest glibc that TensorFlow's own is built for, and those of NVIDIA's. */
const platforms = [27, 18, 17].map((minor) => `manylinux_2_${minor}_x86_64`);

export const requirementsOf = (variant: NativeSetup['variant']) =>
  join(import.meta.dirname, `requirements-${variant}.txt`);

/**
 * Has pip unpack TensorFlow's wheel into `folder`/python and keeps its libraries and headers. pip is what knows this
 * machine's index, proxy and certificates; no Python is run afterwards.
 *
 * @returns the folder of libtensorflow_cc.so.2
 * @throws {SetupError} where pip is missing or can't have the wheel
 */
export async function installTensorflow(
  variant: NativeSetup['variant'],
  folder: string,
): Promise<string> {
  const python = await findPython();
  const target = join(folder, 'python');
  await runProgram(
    python,
    [
      ...['-m', 'pip', 'install', '--no-deps', '--no-compile', '--disable-pip-version-check'],
      ...['--only-binary', ':all:', '--implementation', 'cp'],
      ...['--python-version', '3.11', '--abi', 'cp311'],
      ...[...platforms, 'manylinux2014_x86_64'].flatMap((platform) => ['--platform', platform]),
      ...['--target', target, '--requirement', requirementsOf(variant)],
    ],
    { advice: 'pip must reach an index that has the wheels, about 270 MB (with CUDA: 3 GB).' },
  );
  const tensorflow = join(target, 'tensorflow');
  await keep(tensorflow, (name) => name === 'include' || name.startsWith('libtensorflow_'));
  if (variant === 'gpu') await linkCudaLibraries(target, tensorflow);
  await keep(target, (name) => name === 'tensorflow' || name === 'nvidia');
  return tensorflow;
}

async function findPython(): Promise<string> {
  for (const python of ['python3', 'python']) {
    try {
      await runProgram(python, ['-m', 'pip', '--version'], { advice: '' });
      return python;
    } catch {}
  }
  throw new SetupError(
    'pip is needed to fetch TensorFlow, and neither python3 nor python has it.\nOn Debian and Ubuntu: apt-get install python3-pip',
  );
}

async function keep(folder: string, isKept: (name: string) => boolean): Promise<void> {
  const names = await readdir(folder);
  const others = names.filter((name) => !isKept(name));
  await Promise.all(others.map((name) => rm(join(folder, name), { recursive: true })));
}

/** TensorFlow looks for CUDA beside itself; NVIDIA's packages each have a folder of their own. */
async function linkCudaLibraries(target: string, tensorflow: string): Promise<void> {
  const nvidia = join(target, 'nvidia');
  for (const library of await readdir(nvidia)) {
    const folder = join(nvidia, library, 'lib');
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((file) => file.includes('.so'))) {
      await symlink(relative(tensorflow, join(folder, name)), join(tensorflow, name));
    }
  }
}
