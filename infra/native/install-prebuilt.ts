import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeSetup } from '../../trainer/backends/native-setup.ts';
import { nativePackages } from './fetch-packages.ts';
import { runProgram } from './run-program.ts';

/**
 * Installs the package as its authors publish it: TensorFlow 2.9 of 2022 (CUDA 11.2), for Linux, macOS and Windows. Its own
 * script downloads TensorFlow and a binding compiled for it.
 *
 * @returns the binding's path within `folder`
 * @throws {SetupError} where the package or the download can't be had
 */
export async function installPrebuilt(
  variant: NativeSetup['variant'],
  folder: string,
): Promise<string> {
  const name = variant === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  const [{ version }] = nativePackages;
  const target = join(folder, 'prebuilt');
  await mkdir(target, { recursive: true });
  // A younger npm runs the scripts only of packages that are named here.
  const manifest = { private: true, allowScripts: { [name]: true } };
  await writeFile(join(target, 'package.json'), JSON.stringify(manifest));
  await runProgram('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], {
    advice: `The script of ${name} must reach the host that it downloads TensorFlow from.`,
    cwd: target,
  });
  return join('prebuilt/node_modules', name, 'lib/napi-v8/tfjs_binding.node');
}
