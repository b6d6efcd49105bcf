import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { NativeSetup } from './native-setup.ts';

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
