import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeSetup } from '../../trainer/backend/native-setup.ts';
import { runProgram, SetupError } from './run-program.ts';

/**
 * What the backend is made of besides TensorFlow itself. They are fetched with `npm pack`, not installed: an installation
 * would run the package's own script, which fetches the TensorFlow of 2022, and bring a second TensorFlow.js along,
 * whose kernels the first one would not see.
 */
export const nativePackages = [
  {
    name: '@tensorflow/tfjs-node-gpu',
    version: '4.22.0',
    integrity:
      'sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==',
  },
  {
    name: 'google-protobuf',
    version: '3.21.4',
    integrity:
      'sha512-MnG7N936zcKTco4Jd2PX2U96Kf9PxygAPKBug+74LHzmHXmceN16MmRcdgZv+DGef/S9YvQAfRsNCn4cjf9yyQ==',
  },
  {
    // Node-API's headers are the same for every Node, and on machines that have none of their own.
    name: 'node-api-headers',
    version: '1.9.0',
    integrity:
      'sha512-2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==',
  },
] as const;

/**
 * Unpacks the packages into `folder`/node_modules.
 *
 * @throws {SetupError} where one can't be had or is not the one that is pinned
 */
export async function fetchPackages(folder: string): Promise<void> {
  for (const { name, version, integrity } of nativePackages) {
    const file = await pack(`${name}@${version}`, folder);
    const actual = `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}`;
    if (actual !== integrity) {
      throw new SetupError(
        `${name} ${version} is not the package that is pinned here: ${actual} instead of ${integrity}.`,
      );
    }
    const target = join(folder, 'node_modules', name);
    await mkdir(target, { recursive: true });
    await runProgram('tar', ['-xzf', file, '-C', target, '--strip-components=1'], {
      advice: 'Install tar and gzip.',
    });
    // google-protobuf's archive leaves some files to their owner, who is another one in a container.
    await runProgram('chmod', ['-R', 'a+rX', target], { advice: '' });
    await rm(file);
  }
}

async function pack(specifier: string, folder: string): Promise<string> {
  const output = await runProgram(
    'npm',
    ['pack', specifier, '--json', '--ignore-scripts', '--pack-destination', folder],
    { advice: 'npm must reach its registry, as for npm ci.', cwd: folder },
  );
  // npm 12 keys the packages by name; before, they were a list.
  const [packed] = Object.values(JSON.parse(output) as Record<string, { filename: string }>);
  if (!packed) throw new SetupError(`npm packed nothing for ${specifier}.`);
  // npm 9 names a scoped package's file with the slash that the file itself does not have.
  return join(folder, packed.filename.replace(/^@/, '').replaceAll('/', '-'));
}

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
