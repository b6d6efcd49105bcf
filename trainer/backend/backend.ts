/** The backends that can train, fastest on their processors first: webgpu with kernels of its own, the others with TensorFlow.js. */
const backends = {
  webgpu: { usesGpu: true, usesCpu: false },
  wasm: { usesGpu: false, usesCpu: true },
  tensorflow: { usesGpu: true, usesCpu: true },
  cpu: { usesGpu: false, usesCpu: true },
};
export type BackendName = keyof typeof backends;

export const backendNames = Object.keys(backends) as BackendName[];
export const canUseGpu = (name: BackendName): boolean => backends[name].usesGpu;
export const canUseCpu = (name: BackendName): boolean => backends[name].usesCpu;

/** The values of `--backend`. 'auto' is the fastest that loads. */
export const backendChoices = ['auto' as const, ...backendNames] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** The values of `--device`. 'auto' is a GPU if one is available, else the CPU. */
export const deviceChoices = ['auto', 'gpu', 'cpu'] as const;
export type DeviceChoice = (typeof deviceChoices)[number];

/** The processor that a backend computes on. */
export interface Device {
  kind: 'GPU' | 'CPU';
  /** The model, as its vendor names it. */
  name: string;
}

/** A backend that is ready to compute. */
export interface OpenBackend {
  name: BackendName;
  device: Device;
  /** What is wrong with the device, for people. */
  warning?: string | undefined;
}

/** A backend that was tried before the one in use, and why it was skipped. */
export interface SkippedBackend {
  name: BackendName;
  reason: string;
}

export interface OpenBackendOptions {
  device?: DeviceChoice | undefined;
  /** Threads that the backend itself may use; only tensorflow has any (default: one per core). */
  threads?: number | undefined;
}
