import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/**
 * The folder in which `npm run setup:webgpu` installs Dawn, the WebGPU of Chromium, for this platform. It is outside node_modules,
 * which `npm ci` empties.
 */
export const webgpuFolder = fileURLToPath(new URL('../../../build/webgpu/', import.meta.url));

/** The set-up writes this file last. Its text identifies what is set up. */
export const webgpuSetupFile = `${webgpuFolder}setup.json`;

/** Returns the version of the package that is set up. */
export async function webgpuVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(webgpuSetupFile, 'utf8'));
  return `Dawn ${version}`;
}

/** Returns the text of the set-up's file, or null if WebGPU is not set up. */
export const readWebgpuSetup = (): Promise<string | null> =>
  readFile(webgpuSetupFile, 'utf8').catch(() => null);
