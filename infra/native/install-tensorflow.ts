import { readdir, rm, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { NativeSetup } from '../../trainer/backend/native-setup.ts';
import { runProgram, StepError } from '../process/run-program.ts';

/** The platform tags of the wheels of TensorFlow and NVIDIA. */
const platforms = ['manylinux_2_27', 'manylinux_2_18', 'manylinux_2_17', 'manylinux2014'];

export const requirementsOf = (variant: NativeSetup['variant']) =>
  join(import.meta.dirname, `requirements-${variant}.txt`);

/**
 * Unpacks TensorFlow's wheel into `folder`/python with pip, and keeps its libraries and headers. pip knows this machine's
 * index, proxy and certificates. TensorFlow itself then runs without Python.
 *
 * @returns the folder of libtensorflow_cc.so.2
 * @throws {StepError} if pip is missing or can't fetch the wheel
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
      ...'-m pip install --no-deps --no-compile --disable-pip-version-check'.split(' '),
      ...'--only-binary :all: --implementation cp --python-version 3.11 --abi cp311'.split(' '),
      ...platforms.map((platform) => `--platform=${platform}_x86_64`),
      `--target=${target}`,
      `--requirement=${requirementsOf(variant)}`,
    ],
    { advice: 'Let pip reach an index that has the wheels: about 270 MB, with CUDA 3 GB.' },
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
      await runProgram(python, ['-m', 'pip', '--version']);
      return python;
    } catch {}
  }
  throw new StepError(
    'pip, which fetches TensorFlow, is missing from python3 and python.\nInstall it; on Debian and Ubuntu: apt-get install python3-pip',
  );
}

async function keep(folder: string, isKept: (name: string) => boolean): Promise<void> {
  const names = await readdir(folder);
  const others = names.filter((name) => !isKept(name));
  await Promise.all(others.map((name) => rm(join(folder, name), { recursive: true })));
}

/** Links CUDA's libraries beside TensorFlow, which looks for them there. Each of NVIDIA's packages has its own folder. */
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
