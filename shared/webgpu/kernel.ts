/** A buffer as a kernel sees it. */
export interface Binding {
  /** Its name in the kernel. */
  variable: string;
  /** The buffer's name. */
  buffer: string;
  /** The type of its elements (default: f32). */
  element?: 'f32' | 'u32';
  /** Whether the kernel writes to it (default: false). */
  writes?: boolean;
}

/** A compute kernel: one dispatch of a step. */
export interface Kernel {
  name: string;
  /** WGSL, with `main` as its entry point. */
  code: string;
  bindings: readonly Binding[];
  /** Whether it reads `step`, the numbers of the step. */
  usesStep: boolean;
  groups: readonly [x: number, y: number, z: number];
}

/** Threads of a workgroup, in every kernel. */
export const workgroupSize = 256;

/** Workgroups of one row of a dispatch; WebGPU guarantees 65,535. */
const rowOfGroups = 32_768;

/** Returns the workgroups for so many threads, in rows. */
export function groupsFor(threads: number): Kernel['groups'] {
  const groups = Math.ceil(threads / workgroupSize);
  return [Math.min(groups, rowOfGroups), Math.ceil(groups / rowOfGroups), 1];
}

/** The start of a kernel with a thread per element: `i` is the element. */
export const elementwise = (length: number): string => `
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * ${rowOfGroups}u + group.x) * ${workgroupSize}u + thread;
  if (i >= ${length}u) { return; }`;

/** The numbers of a step, in the order of their 4 bytes each. See `stepFields`. */
export const stepFields = [
  /** Position of the batch's first image in the epoch's order. */
  ['first', 'u32'],
  /** Images in the batch; only an epoch's last one may be shorter than the others. */
  ['count', 'u32'],
  /** Seed of the dropout mask. */
  ['mask', 'u32'],
  ['learningRate', 'f32'],
  /** Adam's learning rate / (1 - beta1^t). */
  ['stepSize', 'f32'],
  /** Adam's 1 / sqrt(1 - beta2^t). */
  ['inverseCorrection', 'f32'],
  /** The share that the moving average takes over from the weights. */
  ['averageShare', 'f32'],
] as const;

export type StepNumbers = Record<(typeof stepFields)[number][0], number>;

/** A step's numbers as a uniform buffer: 32 bytes. */
export const stepBytes = 32;

const stepDeclaration = (binding: number): string => `
struct Step { ${stepFields.map(([name, type]) => `${name}: ${type},`).join(' ')} };
@group(0) @binding(${binding}) var<uniform> step: Step;`;

/**
 * Declares a kernel's buffers before its code. `step` is the last.
 *
 * @param code WGSL without declarations of buffers
 */
export function defineKernel(
  name: string,
  groups: Kernel['groups'],
  bindings: readonly Binding[],
  code: string,
): Kernel {
  const declarations = bindings.map(
    ({ variable, element = 'f32', writes = false }, binding) =>
      `@group(0) @binding(${binding}) var<storage, ${writes ? 'read_write' : 'read'}> ${variable}: array<${element}>;`,
  );
  const usesStep = /\bstep\./.test(code);
  if (usesStep) declarations.push(stepDeclaration(bindings.length));
  return { name, code: `${declarations.join('\n')}\n${code}`, bindings, usesStep, groups };
}

/** A number as WGSL's f32 literal, exact to float32. */
export const float = (value: number): string => {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
};
