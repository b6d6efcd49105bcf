/** A TensorFlow.js backend that can train. */
export type BackendName = 'tensorflow' | 'wasm' | 'cpu';

export const backendNames: readonly BackendName[] = ['tensorflow', 'wasm', 'cpu'];

/** What `--backend` takes; 'auto' is the fastest that loads. */
export const backendChoices = ['auto', 'tensorflow', 'wasm', 'cpu'] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** What `--device` takes; 'auto' is a GPU where one answers. */
export const deviceChoices = ['auto', 'gpu', 'cpu'] as const;
export type DeviceChoice = (typeof deviceChoices)[number];

/** The processor that a backend computes on. */
export interface Device {
  kind: 'GPU' | 'CPU';
  /** Its maker's name, for people. */
  name: string;
}

/** A backend that is ready. */
export interface OpenBackend {
  name: BackendName;
  device: Device;
}

/** A backend that was tried before the one that is used, and why it is not that one. */
export interface SkippedBackend {
  name: BackendName;
  reason: string;
}
