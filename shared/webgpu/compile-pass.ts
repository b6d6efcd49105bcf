import { type Kernel, type StepNumbers, stepBytes, stepFields } from './kernel.ts';
import { UnsupportedError } from './network-plan.ts';
import type { OpenDevice } from './open-device.ts';

/** The buffers of a network by the names that kernels use. */
export type Buffers = ReadonlyMap<string, GPUBuffer>;

/** Kernels that run one after the other, with their buffers. */
export interface Pass {
  /** Adds a step to an encoder, with numbers that `writeSteps` has written. */
  encode(encoder: GPUComputePassEncoder, step: number): void;
  /** Writes the numbers of steps, the first of which gets the number `from`. */
  writeSteps(from: number, steps: readonly StepNumbers[]): void;
}

/** The numbers of steps start at multiples of this many bytes. */
const stride = 256;
const maxGroups = 65_535;

/**
 * Compiles kernels and binds their buffers.
 *
 * @param steps that `writeSteps` may write
 * @throws {UnsupportedError} if a kernel needs more workgroups than WebGPU has
 * @throws {Error} if a kernel does not compile, with its name
 */
export async function compilePass(
  { device, guard, allocate }: Pick<OpenDevice, 'device' | 'guard' | 'allocate'>,
  kernels: readonly Kernel[],
  buffers: Buffers,
  steps: number,
): Promise<Pass> {
  const numbers = allocate('the numbers of the steps', stride * steps, GPUBufferUsage.UNIFORM);
  const compiled = await Promise.all(
    kernels.map((kernel) => guard(compileKernel(device, kernel, buffers, numbers))),
  );
  return {
    encode(encoder, step) {
      const offsets = [stride * step];
      for (const { pipeline, group, usesStep, groups } of compiled) {
        encoder.setPipeline(pipeline);
        encoder.setBindGroup(0, group, usesStep ? offsets : []);
        encoder.dispatchWorkgroups(...groups);
      }
    },
    writeSteps(from, written) {
      const bytes = new DataView(new ArrayBuffer(stride * written.length));
      for (const [index, step] of written.entries()) {
        for (const [field, [name, type]] of stepFields.entries()) {
          const at = stride * index + 4 * field;
          if (type === 'f32') bytes.setFloat32(at, step[name], true);
          else bytes.setUint32(at, step[name], true);
        }
      }
      device.queue.writeBuffer(numbers, stride * from, bytes.buffer);
    },
  };
}

async function compileKernel(
  device: GPUDevice,
  { name, code, bindings, usesStep, groups }: Kernel,
  buffers: Buffers,
  numbers: GPUBuffer,
) {
  if (Math.max(...groups) > maxGroups) {
    throw new UnsupportedError(
      `the ${name} of such a batch needs ${Math.max(...groups)} workgroups, of which WebGPU has ${maxGroups}; use smaller batches`,
    );
  }
  const visibility = GPUShaderStage.COMPUTE;
  const entries: GPUBindGroupLayoutEntry[] = bindings.map(({ writes }, binding) => ({
    binding,
    visibility,
    buffer: { type: writes ? 'storage' : 'read-only-storage' },
  }));
  const resources: GPUBindGroupEntry[] = bindings.map(({ buffer }, binding) => ({
    binding,
    resource: { buffer: bufferNamed(buffers, buffer) },
  }));
  if (usesStep) {
    const binding = bindings.length;
    entries.push({ binding, visibility, buffer: { type: 'uniform', hasDynamicOffset: true } });
    resources.push({ binding, resource: { buffer: numbers, size: stepBytes } });
  }
  const layout = device.createBindGroupLayout({ entries });
  const pipeline = await device.createComputePipelineAsync({
    label: name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ label: name, code }) },
  });
  return {
    pipeline,
    group: device.createBindGroup({ layout, entries: resources }),
    usesStep,
    groups,
  };
}

function bufferNamed(buffers: Buffers, name: string): GPUBuffer {
  const buffer = buffers.get(name);
  if (!buffer) throw new Error(`No buffer is called ${name}.`);
  return buffer;
}
