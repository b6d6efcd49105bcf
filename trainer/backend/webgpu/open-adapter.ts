import { pathToFileURL } from 'node:url';
import type { Device, DeviceChoice } from '../backend.ts';
import { NotSetUpError } from '../native-setup.ts';
import { describeDrivers, missingVulkan, nameMountedDriver } from './vulkan.ts';
import { readWebgpuSetup, webgpuFolder } from './webgpu-setup.ts';

/** The package `webgpu` as far as it is used: Dawn in Node. */
interface Dawn {
  /** @param options `toggle=value`, as for Chromium's command line */
  create(options: string[]): GPU;
  globals: object;
}

/** A GPU, or its simulation in software, that has answered. */
export interface Adapter {
  adapter: GPUAdapter;
  device: Device;
  warning?: string | undefined;
}

/** Names of drivers that compute on the CPU. Not all of them set `isFallbackAdapter`. */
const softwareNames = /llvmpipe|lavapipe|swiftshader|softpipe|basic render|\bwarp\b/i;

/**
 * Opens the fastest adapter of this machine.
 *
 * @param choice `gpu` refuses adapters that compute in software
 * @throws {NotSetUpError} if Dawn is not set up
 * @throws {Error} if no adapter answers, with what is missing and what to do
 */
export async function openAdapter(choice: DeviceChoice = 'auto'): Promise<Adapter> {
  if (choice === 'cpu') throw new Error('it computes on GPUs; use --backend wasm for the CPU.');
  if ((await readWebgpuSetup()) === null) throw new NotSetUpError('webgpu');
  nameMountedDriver();
  const missing = missingVulkan();
  if (missing !== null) throw new Error(missing);
  const adapter = await (await loadGpu()).requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error(`no adapter answers. ${describeDrivers()}`);
  const device = describeAdapter(adapter.info);
  if (choice === 'gpu' && device.kind === 'CPU') {
    throw new Error(`the only adapter, ${device.name}, computes in software, slower than wasm`);
  }
  if (device.kind === 'GPU') return { adapter, device };
  const warning = `${device.name} computes in software, many times slower than --backend wasm`;
  return { adapter, device, warning };
}

let gpu: GPU | undefined;

/** Loads Dawn once, and defines the names of WebGPU, such as GPUBufferUsage, as a browser does. */
async function loadGpu(): Promise<GPU> {
  if (gpu) return gpu;
  const { create, globals }: Dawn = await import(pathToFileURL(`${webgpuFolder}index.js`).href);
  Object.assign(globalThis, globals);
  gpu = create([]);
  return gpu;
}

function describeAdapter({
  device,
  description,
  vendor,
  isFallbackAdapter,
}: GPUAdapterInfo): Device {
  const texts = [device || vendor, description].filter(Boolean);
  const name = texts.join(', ') || 'WebGPU device';
  const isSoftware = isFallbackAdapter || softwareNames.test(name);
  return { kind: isSoftware ? 'CPU' : 'GPU', name };
}
