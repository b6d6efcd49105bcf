/** A TensorFlow.js backend that can train. */
export type BackendName = 'wasm' | 'cpu';

/** What `--backend` takes; 'auto' is the first that loads. */
export const backendChoices = ['auto', 'wasm', 'cpu'] as const;
export type BackendChoice = (typeof backendChoices)[number];

/** A backend that is ready, and why it is this one. */
export interface OpenBackend {
  name: BackendName;
  /** The processor that it computes on, for people. */
  device: string;
  /** The ones that were tried before, with the reason why they did not load. */
  skipped: { name: BackendName; reason: string }[];
}
