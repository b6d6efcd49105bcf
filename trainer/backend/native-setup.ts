import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';

/**
 * The folder in which `npm run setup:native` installs TensorFlow. It is in the repository, so that its packages find the
 * same TensorFlow.js as everything else, but outside node_modules, which `npm ci` empties.
 */
export const nativeFolder = fileURLToPath(new URL('../../build/native/', import.meta.url));

/** The set-up writes this file last. */
export const nativeSetupFile = `${nativeFolder}setup.json`;

/** The binding that the set-up compiles, within `nativeFolder`. Unlike the package's own, several threads can use it. */
export const compiledBinding = 'tfjs_binding.node';

export const nativeSetupSchema = z.object({
  /** The processor that TensorFlow was built for. A gpu build can also use CPUs. */
  variant: z.enum(['cpu', 'gpu']),
  /** A hash of everything that went into the set-up; if it changes, a new set-up is needed. */
  ingredients: z.string(),
  /** The path of the binding within `nativeFolder`. It finds its TensorFlow itself. */
  binding: z.string().min(1).default(compiledBinding),
});

export type NativeSetup = z.output<typeof nativeSetupSchema>;

/** The commands that set up the optional backends. */
const setups = { tensorflow: 'npm run setup:native', webgpu: 'npm run setup:webgpu' };

/** An optional backend is not set up on this machine. */
export class NotSetUpError extends Error {
  override name = 'NotSetUpError';

  constructor(backend: keyof typeof setups) {
    super(`${backend} is not set up (${setups[backend]})`);
  }
}

/** Recognizes a NotSetUpError by its name, as an error from another thread loses its class. */
export const isNotSetUp = (error: unknown): boolean =>
  error instanceof Error && error.name === 'NotSetUpError';

/** Returns what is set up, or null. */
export async function readNativeSetup(): Promise<NativeSetup | null> {
  try {
    return nativeSetupSchema.parse(JSON.parse(await readFile(nativeSetupFile, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(
      `${nativeSetupFile} is invalid. Set up TensorFlow again: npm run setup:native`,
      {
        cause: error,
      },
    );
  }
}

const run = promisify(execFile);

/**
 * Queries NVIDIA's driver for the GPUs.
 *
 * @returns name, driver version, compute capability and memory of each, as one string
 * @throws {Error} if there is no driver or no GPU, with the driver's own message
 */
export async function queryGpus(): Promise<string[]> {
  const columns = 'name,driver_version,compute_cap,memory.total';
  try {
    const { stdout } = await run('nvidia-smi', [`--query-gpu=${columns}`, '--format=csv,noheader']);
    return stdout.trim().split('\n').filter(Boolean);
  } catch (error) {
    const { code, stdout } = error as NodeJS.ErrnoException & { stdout?: string };
    throw new Error(
      code === 'ENOENT'
        ? 'nvidia-smi, which is part of the driver, is not installed'
        : `nvidia-smi fails: ${stdout?.trim() || (error as Error).message}`,
      { cause: error },
    );
  }
}

/** Returns the name of the first GPU, which TensorFlow uses; a general one if nvidia-smi is not installed. */
export async function gpuName(): Promise<string> {
  const [first] = await queryGpus().catch(() => []);
  return first?.split(',')[0] ?? 'CUDA device';
}

/** Explains why TensorFlow found no GPU, and what to do. */
export async function explainNoGpu({ variant }: NativeSetup): Promise<string> {
  if (variant === 'cpu') {
    return 'TensorFlow is set up only for CPUs. Set it up for GPUs: npm run setup:native -- --gpu';
  }
  const hidden = process.env.CUDA_VISIBLE_DEVICES;
  if (hidden === '' || hidden === '-1') {
    return `no GPU is available, as CUDA_VISIBLE_DEVICES is "${hidden}"`;
  }
  try {
    const gpus = await queryGpus();
    return `the driver reports ${gpus.join('; ')}, but TensorFlow does not use it. Set TF_CPP_MIN_LOG_LEVEL=0 to see why`;
  } catch (error) {
    return `no GPU is available: ${(error as Error).message}. Start a container with --gpus all, or use --device cpu`;
  }
}
