import { UnsupportedError } from './network-plan.ts';

/** The GPU stopped: its driver restarted, or it was removed. What it held is lost. */
export class DeviceLostError extends Error {
  override name = 'DeviceLostError';

  constructor(reason: string) {
    super(
      `The GPU stopped: ${reason}. Its driver may have restarted. What it computed since the last checkpoint is lost.`,
    );
  }
}

/** The GPU has too little memory. */
export class GpuMemoryError extends Error {
  override name = 'GpuMemoryError';

  constructor(what: string) {
    super(
      `The GPU has too little memory for ${what}. Lower --batch-size, or end other programs that use the GPU.`,
    );
  }
}

/** A device and the buffers on it. */
export interface OpenDevice {
  device: GPUDevice;
  /**
   * Waits for work of the device.
   *
   * @throws {DeviceLostError} once the device is lost
   * @throws {Error} once it reports an error, such as too little memory
   */
  guard<Result>(work: Promise<Result>): Promise<Result>;
  /**
   * Runs a function that allocates buffers and compiles kernels.
   *
   * @throws {Error} if the memory is too small, or the device finds another error
   */
  prepare<Result>(work: () => Promise<Result>): Promise<Result>;
  /**
   * Allocates a buffer, all 0, or with these bytes. Within `prepare`, which finds out whether there was memory for it.
   *
   * @throws {UnsupportedError} if the device can't use a buffer of that size
   */
  allocate(what: string, content: number | ArrayBufferView, usage?: number): GPUBuffer;
  /** @param offset in bytes (default: 0) */
  write(buffer: GPUBuffer, content: ArrayBufferView, offset?: number): void;
  /** Reads the start of a buffer. */
  read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer>;
  /** Frees everything on the device. */
  close(): void;
}

/**
 * Opens a device of an adapter, with all of its memory.
 *
 * @throws {Error} if it does not open
 */
export async function openDevice(adapter: GPUAdapter): Promise<OpenDevice> {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
  const failure = failureOf(device);
  const guard = <Result>(work: Promise<Result>) => Promise.race([failure, work]);
  const { COPY_DST, COPY_SRC, MAP_READ, STORAGE } = GPUBufferUsage;
  const write = (buffer: GPUBuffer, content: ArrayBufferView, offset = 0) => {
    const padded = new Uint8Array(aligned(content.byteLength));
    padded.set(new Uint8Array(content.buffer, content.byteOffset, content.byteLength));
    device.queue.writeBuffer(buffer, offset, padded);
  };
  return {
    device,
    guard,
    prepare: (work) => guard(withinScopes(device, work)),
    allocate(what, content, usage = STORAGE) {
      const size = aligned(typeof content === 'number' ? content : content.byteLength);
      const largest = Math.min(maxBufferSize, maxStorageBufferBindingSize);
      if (size > largest) {
        throw new UnsupportedError(
          `the GPU can't use a buffer of ${megabytes(size)} for ${what}, only up to ${megabytes(largest)}`,
        );
      }
      const buffer = device.createBuffer({ label: what, size, usage: usage | COPY_DST | COPY_SRC });
      if (typeof content !== 'number') write(buffer, content);
      return buffer;
    },
    write,
    async read(buffer, bytes) {
      const size = aligned(bytes);
      const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
      device.queue.submit([encoder.finish()]);
      await guard(staging.mapAsync(GPUMapMode.READ));
      const copy = staging.getMappedRange().slice(0, bytes);
      staging.destroy();
      return copy;
    },
    close: () => device.destroy(),
  };
}

/** Rejects when the device is lost or reports an error; never resolves. */
function failureOf(device: GPUDevice): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    device.lost.then(({ message, reason }) => reject(new DeviceLostError(message || reason)));
    device.onuncapturederror = ({ error }) => reject(explainError(error));
  });
  // It also happens when nobody waits, as after `close`.
  failure.catch(() => {});
  return failure;
}

/** Collects the errors of the work: Dawn writes those that no scope collects to the terminal, and each causes others. */
async function withinScopes<Result>(
  device: GPUDevice,
  work: () => Promise<Result>,
): Promise<Result> {
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  const [done] = await Promise.allSettled([work()]);
  const validation = await device.popErrorScope();
  // What needs a buffer that could not be allocated is invalid, too.
  const error = (await device.popErrorScope()) ?? validation;
  if (done.status === 'rejected' && done.reason instanceof UnsupportedError) throw done.reason;
  if (error) throw explainError(error);
  if (done.status === 'rejected') throw done.reason;
  return done.value;
}

function explainError(error: GPUError): Error {
  if (!(error instanceof GPUOutOfMemoryError)) {
    return new Error(`The GPU reports an error: ${error.message}`);
  }
  // Dawn quotes the buffer's label.
  const [, what = 'this training'] = /""(.+?)""/.exec(error.message) ?? [];
  return new GpuMemoryError(what);
}

/** Sizes and copies of buffers are multiples of 4 bytes. */
const aligned = (bytes: number): number => Math.max(4, 4 * Math.ceil(bytes / 4));

const megabytes = (bytes: number): string =>
  `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;
