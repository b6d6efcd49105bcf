import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imports } from './imports.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, './tutorial_weights.py');
const python = process.env.CATWALK_PYTHON ?? 'python3';

/** Whether this machine has a Python with torch and safetensors. */
export const hasPytorch = () => imports(python, 'torch', 'safetensors');

/** Runs test/support/python/tutorial_weights.py. @returns the logits that it prints, [image][label] */
export async function pytorch(...parameters: string[]): Promise<number[][]> {
  const { stdout } = await run(python, [script, ...parameters], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout);
}

export interface Checkpoints {
  /** The logits of the first ten test images, by network. */
  logits: Record<string, number[][]>;
  /** The accuracy of the network in unit-pixels.pth on the 100 test images. */
  accuracy: number;
}

/** Writes the files of test/support/python/checkpoints.py. */
export async function writeCheckpoints(folder: string): Promise<Checkpoints> {
  const { stdout } = await run(python, [join(import.meta.dirname, './checkpoints.py'), folder]);
  return JSON.parse(stdout);
}
