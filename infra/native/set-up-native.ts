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
import { StepError } from '../process/run-program.ts';
import { compileBinding } from './compile-binding.ts';
import { installTensorflow, requirementsOf } from './install-tensorflow.ts';
import { fetchPackages, installPrebuilt, nativePackages } from './packages.ts';

export interface SetUpNativeOptions {
  variant: NativeSetup['variant'];
  /** Prints a line per step. */
  print: (text: string) => void;
}

/**
 * Installs TensorFlow for Node into build/native: the current one, or the package's prebuilt one if that fails.
 * Does nothing if the same one is installed already.
 *
 * @throws {StepError}
 */
export async function setUpNative({ variant, print }: SetUpNativeOptions): Promise<void> {
  const ingredients = await hashIngredients(variant);
  const present = await readNativeSetup().catch(() => null);
  if (present?.ingredients === ingredients) {
    print(`TensorFlow (${variant}) is already set up in ${nativeFolder}`);
    return;
  }
  await rm(nativeFolder, { recursive: true, force: true });
  await mkdir(nativeFolder, { recursive: true });
  print('1/3 Fetching the binding …');
  await fetchPackages(nativeFolder);
  const binding = await installCurrent(variant, print).catch(async (error: unknown) => {
    if (!(error instanceof StepError)) throw error;
    print(`${error.message}\nFalling back to the package's TensorFlow 2.9 …`);
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
    throw new StepError(
      `The current TensorFlow is only available for Linux x64, not for ${machine}.`,
    );
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
