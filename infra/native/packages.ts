import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeSetup } from '../../trainer/backend/native-setup.ts';
import { runProgram, StepError } from '../process/run-program.ts';

/**
 * The packages of the backend besides TensorFlow. They are fetched with `npm pack` and not installed: the installation would
 * run a script that fetches the TensorFlow of 2022, and add a second TensorFlow.js, whose kernels the first one can't see.
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
    // Node-API's headers are the same for every Node, and some machines have none.
    name: 'node-api-headers',
    version: '1.9.0',
    integrity:
      'sha512-2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==',
  },
] as const;

/**
 * Unpacks the packages into `folder`/node_modules.
 *
 * @throws {StepError} if one can't be fetched or does not match its pinned hash
 */
export async function fetchPackages(folder: string): Promise<void> {
  for (const nativePackage of nativePackages) {
    await fetchPackage(nativePackage, join(folder, 'node_modules', nativePackage.name));
  }
}

/**
 * Unpacks a package of npm's registry into a folder, without its dependencies.
 *
 * @param members the files of the archive to unpack, such as `package/index.js` (default: all)
 * @throws {StepError} if it can't be fetched or does not match its pinned hash
 */
export async function fetchPackage(
  { name, version, integrity }: Record<'name' | 'version' | 'integrity', string>,
  folder: string,
  members: readonly string[] = [],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = await pack(`${name}@${version}`, folder);
  const actual = `sha512-${createHash('sha512')
    .update(await readFile(file))
    .digest('base64')}`;
  if (actual !== integrity) {
    throw new StepError(
      `${name} ${version} has the hash ${actual} instead of the pinned ${integrity}. Check the registry that npm uses.`,
    );
  }
  await runProgram('tar', ['-xzf', file, '-C', folder, '--strip-components=1', ...members], {
    advice: 'Install tar and gzip.',
  });
  // Only the owner can read some files of google-protobuf's archive; a container has another user.
  await runProgram('chmod', ['-R', 'a+rX', folder]);
  await rm(file);
}

async function pack(specifier: string, folder: string): Promise<string> {
  const output = await runProgram(
    'npm',
    ['pack', specifier, '--json', '--ignore-scripts', '--pack-destination', folder],
    { advice: 'Let npm reach its registry, as for npm ci.', cwd: folder },
  );
  // npm 12 prints an object by package name, older versions a list.
  const [packed] = Object.values(JSON.parse(output) as Record<string, { filename: string }>);
  if (!packed) throw new StepError(`npm pack printed no file for ${specifier}.`);
  // npm 9 prints a scoped package's file name with a slash, which the file does not have.
  return join(folder, packed.filename.replace(/^@/, '').replaceAll('/', '-'));
}

/**
 * Installs the package as published, with TensorFlow 2.9 of 2022 (CUDA 11.2), for Linux, macOS and Windows. Its install
 * script downloads TensorFlow and a compiled binding.
 *
 * @returns the binding's path within `folder`
 * @throws {StepError} if the package or its download can't be fetched
 */
export async function installPrebuilt(
  variant: NativeSetup['variant'],
  folder: string,
): Promise<string> {
  const name = variant === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  const [{ version }] = nativePackages;
  const target = join(folder, 'prebuilt');
  await mkdir(target, { recursive: true });
  // Newer versions of npm only run the install scripts of packages that are named here.
  const manifest = { private: true, allowScripts: { [name]: true } };
  await writeFile(join(target, 'package.json'), JSON.stringify(manifest));
  await runProgram('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], {
    advice: `Let the install script of ${name} reach the host that it downloads TensorFlow from.`,
    cwd: target,
  });
  return join('prebuilt/node_modules', name, 'lib/napi-v8/tfjs_binding.node');
}
