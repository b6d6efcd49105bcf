import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import {
  compiledBinding,
  type NativeSetup,
  nativeFolder,
  nativeSetupFile,
  readNativeSetup,
} from '../../trainer/backend/native-setup.ts';
import { compileBinding } from './compile-binding.ts';
import { installTensorflow, requirementsOf } from './install-tensorflow.ts';
import { fetchPackages, installPrebuilt, nativePackages } from './packages.ts';
import { SetupError } from './run-program.ts';

export interface SetUpNativeOptions {
  variant: NativeSetup['variant'];
  /** Takes a line for each step. */
  print: (text: string) => void;
}

/**
 * Installs TensorFlow for Node into build/native: a current one, or, where that can't be, the one that the package's authors
 * built. Does nothing where the same is there already.
 *
 * @throws {SetupError} saying what to do
 */
export async function setUpNative({ variant, print }: SetUpNativeOptions): Promise<void> {
  const ingredients = await hashIngredients(variant);
  const present = await readNativeSetup().catch(() => null);
  if (present?.ingredients === ingredients) {
    print(`TensorFlow (${variant}) is set up already, in ${nativeFolder}`);
    return;
  }
  await rm(nativeFolder, { recursive: true, force: true });
  await mkdir(nativeFolder, { recursive: true });
  print('1/3 Fetching the binding …');
  await fetchPackages(nativeFolder);
  const binding = await installCurrent(variant, print).catch(async (error: unknown) => {
    if (!(error instanceof SetupError)) throw error;
    print(`${error.message}\nFalling back to TensorFlow 2.9, as the package brings it …`);
    return await installPrebuilt(variant, nativeFolder);
  });
  const setup: NativeSetup = { variant, ingredients, binding };
  await writeAtomically(nativeSetupFile, new TextEncoder().encode(`${JSON.stringify(setup)}\n`));
  print(`TensorFlow (${variant}) is set up in ${nativeFolder}`);
}

/** @returns the binding's path within build/native */
async function installCurrent(
  variant: NativeSetup['variant'],
  print: SetUpNativeOptions['print'],
): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const machine = `${process.platform} ${process.arch}`;
    throw new SetupError(`A current TensorFlow is set up on Linux x64 alone; this is ${machine}.`);
  }
  print(`2/3 Fetching TensorFlow (${variant}) …`);
  const tensorflow = await installTensorflow(variant, nativeFolder);
  print('3/3 Compiling the binding …');
  await compileBinding(nativeFolder, tensorflow, join(nativeFolder, compiledBinding));
  await rm(join(tensorflow, 'include'), { recursive: true });
  return compiledBinding;
}

async function hashIngredients(variant: NativeSetup['variant']): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(nativePackages));
  const compiling = join(import.meta.dirname, 'compile-binding.ts');
  for (const file of [requirementsOf(variant), compiling]) hash.update(await readFile(file));
  return hash.digest('hex');
}
