import { mkdir, rm } from 'node:fs/promises';
import { writeAtomically } from '../../node/files.ts';
import {
  readWebgpuSetup,
  webgpuFolder,
  webgpuSetupFile,
} from '../../trainer/backend/webgpu/webgpu-setup.ts';
import { StepError } from '../process/run-program.ts';
import { fetchPackage } from './packages.ts';

/** Dawn for Node. It is no dependency, as npm would install the binaries of all platforms: 132 MB. */
const webgpuPackage = {
  name: 'webgpu',
  version: '0.6.2',
  integrity:
    'sha512-3L4GfmqJLvYUIEWJngEQY+2HQiUlAFkg8+P8NDDj3Xx5hHHIFO/r8JW+ynfqBj7kHN4mbnwO74uB+lrRtLhp4Q==',
};

/** The folders of the package's binaries by `process.platform` and `process.arch`. */
const binaries: Record<string, string> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-universal',
  'darwin-arm64': 'darwin-universal',
  'win32-x64': 'win32-x64',
  'win32-arm64': 'win32-arm64',
};

/**
 * Installs Dawn for this platform into build/webgpu. Does nothing if the same one is installed already.
 *
 * @param print prints a line per step
 * @throws {StepError} if there is none for this platform, or it can't be fetched or does not match its pinned hash
 */
export async function setUpWebgpu({ print }: { print: (text: string) => void }): Promise<void> {
  const platform = `${process.platform}-${process.arch}`;
  const binary = binaries[platform];
  if (binary === undefined) {
    const known = Object.keys(binaries).join(', ');
    throw new StepError(
      `The package webgpu has no binary for ${platform}, only for ${known}. Train with --backend wasm.`,
    );
  }
  const setup = `${JSON.stringify({ ...webgpuPackage, binary })}\n`;
  if ((await readWebgpuSetup()) === setup) {
    print(`WebGPU is already set up in ${webgpuFolder}`);
    return;
  }
  await rm(webgpuFolder, { recursive: true, force: true });
  await mkdir(webgpuFolder, { recursive: true });
  print('Fetching Dawn (51 MB, of which this platform keeps about 20) …');
  const files = ['index.js', 'package.json', 'LICENSE.md', `dist/${binary}`];
  const members = files.map((file) => `package/${file}`);
  await fetchPackage(webgpuPackage, webgpuFolder, members);
  await writeAtomically(webgpuSetupFile, new TextEncoder().encode(setup));
  print(`WebGPU is set up in ${webgpuFolder}. Check the GPU: npx catwalk doctor --device gpu`);
}
