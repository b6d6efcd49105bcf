import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';

/**
 * Where `npm run setup:native` puts TensorFlow: in the repository, so that its packages find the one TensorFlow.js that
 * everything else here uses, but outside node_modules, which `npm ci` empties.
 */
export const nativeFolder = fileURLToPath(new URL('../../build/native/', import.meta.url));

/** Written by the set-up when everything else is in place. */
export const nativeSetupFile = `${nativeFolder}setup.json`;

/** The binding as it is compiled here, within `nativeFolder`. Unlike the package's own it can be used by threads at the same time. */
export const compiledBinding = 'tfjs_binding.node';

export const nativeSetupSchema = z.object({
  /** What TensorFlow was built for. A gpu one computes on CPUs too. */
  variant: z.enum(['cpu', 'gpu']),
  /** Of everything that went into it; another one calls for a new set-up. */
  ingredients: z.string(),
  /** The path of the compiled binding within `nativeFolder`; it knows where its TensorFlow lies. */
  binding: z.string().min(1).default(compiledBinding),
});

export type NativeSetup = z.output<typeof nativeSetupSchema>;

/** TensorFlow is not on this machine, which is no fault: nobody asked for it. */
export class NotSetUpError extends Error {
  override name = 'NotSetUpError';

  constructor() {
    super('tensorflow is not set up (npm run setup:native)');
  }
}

/** An error that comes from another thread has lost its class, but not its name. */
export const isNotSetUp = (error: unknown): boolean =>
  error instanceof Error && error.name === 'NotSetUpError';

/** @returns what is set up, or null */
export async function readNativeSetup(): Promise<NativeSetup | null> {
  try {
    return nativeSetupSchema.parse(JSON.parse(await readFile(nativeSetupFile, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${nativeSetupFile} can't be read; set up again: npm run setup:native`, {
      cause: error,
    });
  }
}

const run = promisify(execFile);

/**
 * What NVIDIA's driver says about the GPUs, one a line: name, driver's version, compute capability, memory.
 *
 * @throws {Error} where there is no driver or no GPU, in its own words
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
        ? 'nvidia-smi, which comes with the driver, is not found'
        : `nvidia-smi fails: ${stdout?.trim() || (error as Error).message}`,
      { cause: error },
    );
  }
}

/** The first GPU's name; TensorFlow uses it, whether or not nvidia-smi is there to name it. */
export async function gpuName(): Promise<string> {
  const [first] = await queryGpus().catch(() => []);
  return first?.split(',')[0] ?? 'CUDA device';
}

/** Why TensorFlow, which has loaded, found no GPU, and what to do. */
export async function explainNoGpu({ variant }: NativeSetup): Promise<string> {
  if (variant === 'cpu') {
    return 'TensorFlow is set up for CPUs alone. Set it up for GPUs: npm run setup:native -- --gpu';
  }
  const hidden = process.env.CUDA_VISIBLE_DEVICES;
  if (hidden === '' || hidden === '-1') {
    return `no GPU answers, since CUDA_VISIBLE_DEVICES is "${hidden}"`;
  }
  try {
    const gpus = await queryGpus();
    return `the driver has ${gpus.join('; ')}, but TensorFlow does not use it. What it says: TF_CPP_MIN_LOG_LEVEL=0`;
  } catch (error) {
    return `no GPU answers: ${(error as Error).message}. A container needs --gpus all; --device cpu goes on without`;
  }
}
