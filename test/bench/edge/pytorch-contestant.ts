import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import * as z from 'zod';
import { normalizePixels } from '../../../shared/model/predict.ts';
import type { Contestant } from './contestant.ts';
import { names } from './names.ts';
import type { PublishedBucket } from './published-bucket.ts';

const testImages = 64;
const imageLength = 784;

/**
 * The same weights in PyTorch on one thread, timed inside its process: a native program to compare with, not a Worker.
 *
 * @returns null if Python has no torch
 */
export async function pytorchContestant(
  python: string,
  folder: string,
  published: PublishedBucket,
): Promise<Contestant | null> {
  if (!(await hasTorch(python))) return null;
  const input = join(folder, 'pytorch');
  await writeNetwork(input, published);
  return pytorchProcess(python, 'pytorch_forward.py', input);
}

export async function hasTorch(python: string): Promise<boolean> {
  try {
    await promisify(execFile)(python, ['-c', 'import torch']);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts a program that answers questions as pytorch_forward.py does.
 *
 * @param script in peers/
 * @param input the folder of its network
 */
export function pytorchProcess(python: string, script: string, input: string): Contestant {
  const path = join(import.meta.dirname, 'peers', script);
  const child = spawn(python, [path, input], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async <Answer>(question: object, schema: z.ZodType<Answer>): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`${python} ended with code ${child.exitCode}.`);
    return schema.parse(JSON.parse(value));
  };
  return {
    name: names.pytorch,
    logits: (batch) => ask({ batch, logits: true }, z.array(z.number())),
    time: (batch, times) => ask({ batch, times }, z.number()),
    async close() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function writeNetwork(folder: string, published: PublishedBucket): Promise<void> {
  const { layers, manifest } = published;
  const weights = layers.flatMap((layer) => ('weight' in layer ? [layer.weight, layer.bias] : []));
  const pixels = published.testImages.subarray(0, testImages * imageLength);
  const description = layers.map((layer) => {
    const { weight: _weight, bias: _bias, ...rest } = { weight: null, bias: null, ...layer };
    return rest;
  });
  await mkdir(folder);
  await writeFile(join(folder, 'network.json'), JSON.stringify(description));
  await writeFile(join(folder, 'weights.bin'), Buffer.concat(weights.map(bytesOf)));
  const images = normalizePixels(pixels, manifest.model.preprocessing);
  await writeFile(join(folder, 'images.bin'), bytesOf(images));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);
