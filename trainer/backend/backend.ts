/** The TensorFlow.js backends that can train, fastest on a CPU first, and whether they can use a GPU. */
const backends = {
  wasm: { usesGpu: false },
  tensorflow: { usesGpu: true },
  cpu: { usesGpu: false },
};
export type BackendName = keyof typeof backends;

export const backendNames = Object.keys(backends) as BackendName[];
export const canUseGpu = (name: BackendName): boolean => backends[name].usesGpu;

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
