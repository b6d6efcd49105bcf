import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { imports } from '../python/imports.ts';
import type { CorpusFile } from './corpus-file.ts';
import type { EncodeOptions } from './encode-in-javascript.ts';

const script = join(import.meta.dirname, 'encode_with_pillow.py');

export interface PillowOptions extends EncodeOptions {
  /** A Python that has Pillow 11.2 or later. */
  python: string;
}

/** Encodes test images with Pillow, enlarged 1 to 12 times, in every kind. */
export async function* encodeWithPillow(options: PillowOptions): AsyncGenerator<CorpusFile> {
  const { images, every, python } = options;
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-corpus-'));
  try {
    const count = images.length / 784;
    const idx = new Uint8Array(16 + images.length);
    new DataView(idx.buffer).setUint32(0, 0x0803);
    for (const [i, size] of [count, 28, 28].entries()) {
      new DataView(idx.buffer).setUint32(4 + 4 * i, size);
    }
    idx.set(images, 16);
    await writeFile(join(folder, 'images.idx'), idx);
    const files = join(folder, 'files');
    await run(python, [
      script,
      join(folder, 'images.idx'),
      files,
      '--count',
      String(count),
      '--every',
      String(every),
    ]);
    yield* readCorpus(files);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Reads a folder that encode_with_pillow.py wrote. */
export async function* readCorpus(folder: string): AsyncGenerator<CorpusFile> {
  for (const name of (await readdir(folder)).sort()) {
    const [, index, kind] = /^(\d+)-(.+)\.\w+$/.exec(basename(name)) ?? [];
    if (index === undefined || kind === undefined) continue;
    yield {
      index: Number(index),
      kind,
      bytes: Uint8Array.from(await readFile(join(folder, name))),
    };
  }
}

/** Whether this machine has a Python with Pillow. */
export const hasPillow = (python: string) => imports(python, 'PIL.Image');

async function run(program: string, parameters: string[]): Promise<void> {
  const child = spawn(program, parameters, { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ${parameters[0]} ended with code ${code}.`);
}
