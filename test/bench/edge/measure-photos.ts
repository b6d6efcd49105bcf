import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'jpeg-js';
import seedrandom from 'seedrandom';
import { median } from '../machine.ts';
import type { Bundle } from './bundle.ts';
import { residentBytes, workerdProcesses } from './measure-memory.ts';
import { type OpenWorkerOptions, openWorker } from './open-worker.ts';
import type { PhotoRow } from './report.ts';

export interface PhotoOptions {
  open: Omit<OpenWorkerOptions, 'bundle'>;
  /** Workers that answer `POST /predict`, by name. */
  contestants: readonly { name: string; bundle: Bundle }[];
  /** Requests of each photo after the first ones. */
  requests: number;
  progress: (line: string) => void;
}

const fixtures = join(import.meta.dirname, '../../fixtures/image-cases');
/** Requests until the code is compiled. */
const warmUps = 5;

/** Posts photos to each Worker, each photo to a new process: the first answer, the answers after it, CPU and peak memory. */
export async function measurePhotos({
  open,
  contestants,
  requests,
  progress,
}: PhotoOptions): Promise<PhotoRow[]> {
  const rows: PhotoRow[] = [];
  for (const [photo, body] of await photos()) {
    for (const { name, bundle } of contestants) {
      const before = new Set(await workerdProcesses());
      const worker = await openWorker({ ...open, bundle });
      try {
        const [process = null] = (await workerdProcesses()).filter((id) => !before.has(id));
        // The model is loaded before the first photo.
        await fetch(`${worker.url}/readyz`).then((response) => response.arrayBuffer());
        const ask = () => post(`${worker.url}/predict`, body);
        const firstMs = await ask();
        for (let i = 0; i < warmUps; i++) await ask();
        const cpuBefore = await cpuMilliseconds(process);
        const times: number[] = [];
        for (let i = 0; i < requests; i++) times.push(await ask());
        const cpuMs =
          process === null ? null : ((await cpuMilliseconds(process)) - cpuBefore) / requests;
        const peakBytes = process === null ? null : await residentBytes(process, 'VmHWM');
        rows.push({ name, photo, firstMs, p50Ms: median(times), cpuMs, peakBytes });
      } finally {
        await worker.close();
      }
    }
    progress(`photos: ${photo}`);
  }
  return rows;
}

/** A smooth and a noisy photo of 12 megapixels, and one of the size that clients reduce photos to. */
async function photos(): Promise<[string, Uint8Array<ArrayBuffer>][]> {
  const read = async (name: string) => new Uint8Array(await readFile(join(fixtures, name)));
  const noisy = noisyPhoto(4032, 3024);
  return [
    ['480x640', await read('photo-boot.jpg')],
    ['4032x3024, smooth', await read('phone-12mp-exif6.jpg')],
    [`4032x3024, ${(noisy.length / 1e6).toFixed(1)} MB`, noisy],
  ];
}

/** Returns a JPEG with as much detail as a camera's: a dark thing on a light ground, and noise. */
function noisyPhoto(width: number, height: number): Uint8Array<ArrayBuffer> {
  const random = seedrandom.alea('photo');
  const noise = Float32Array.from({ length: 65_521 }, () => 16 * (random() + random() - 1));
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) / width, i / width / height];
    const level = Math.max(Math.abs(x - 0.5), Math.abs(y - 0.5)) < 0.3 ? 70 : 200;
    const grain = noise[i % noise.length] as number;
    for (let channel = 0; channel < 3; channel++) {
      data[4 * i + channel] = level + grain - 10 * channel;
    }
  }
  return new Uint8Array(encode({ width, height, data }, 88).data);
}

/** @returns milliseconds until the whole answer is there */
async function post(url: string, body: Uint8Array<ArrayBuffer>): Promise<number> {
  const start = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body,
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${answer}`);
  return performance.now() - start;
}

/** The length of the kernel's clock ticks on Linux. */
const tickMilliseconds = 10;

/** @returns the CPU time of a process so far; 0 without one */
async function cpuMilliseconds(id: string | null): Promise<number> {
  if (id === null) return 0;
  // After the name in parentheses: the 14th and 15th fields are ticks in user and in system mode.
  const fields = (await readFile(`/proc/${id}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMilliseconds;
}
