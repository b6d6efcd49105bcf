import { readdir, readFile } from 'node:fs/promises';
import * as z from 'zod';
import { type OpenWorkerOptions, openWorker } from './open-worker.ts';
import type { MemoryRow } from './report.ts';

/** https://chromedevtools.github.io/devtools-protocol/tot/Runtime/#method-getHeapUsage */
const heapUsageSchema = z.object({
  result: z.object({ usedSize: z.number(), backingStorageSize: z.number() }),
});

const readings = 5;
const predictionsEach = 50;

/** Requests predictions from a Worker and measures the memory of its isolate and process: the maximum of several readings. */
export async function measureMemory(name: string, options: OpenWorkerOptions): Promise<MemoryRow> {
  const before = new Set(await workerdProcesses());
  const worker = await openWorker({ ...options, inspect: true });
  try {
    const [process] = (await workerdProcesses()).filter((id) => !before.has(id));
    const row: MemoryRow = { name, heapBytes: 0, arrayBufferBytes: 0, processBytes: null };
    for (let reading = 0; reading < readings; reading++) {
      for (let index = 0; index < predictionsEach; index++) {
        const response = await fetch(`${worker.url}/predict?index=${index}`);
        if (!response.ok) throw new Error(`${name} answered ${response.status}.`);
        await response.arrayBuffer();
      }
      const { usedSize, backingStorageSize } = await heapUsage(worker.inspectorUrl ?? '');
      row.heapBytes = Math.max(row.heapBytes, usedSize);
      row.arrayBufferBytes = Math.max(row.arrayBufferBytes, backingStorageSize);
      if (process !== undefined) {
        row.processBytes = Math.max(row.processBytes ?? 0, await residentBytes(process));
      }
    }
    return row;
  } finally {
    await worker.close();
  }
}

/**
 * @param awaken sends a request to the Worker. If it is given, garbage is collected first, which an idle isolate does only with its
 * next request
 * @returns the memory of an isolate: its heap, and the array buffers outside it
 */
export async function heapUsage(inspectorUrl: string, awaken?: () => Promise<unknown>) {
  const socket = new WebSocket(new URL('/core:user:bench', inspectorUrl));
  try {
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const call = (method: string) =>
      new Promise<unknown>((resolve) => {
        socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)));
        socket.send(JSON.stringify({ id: 1, method }));
      });
    if (awaken) {
      let isCollected = false;
      const collected = call('HeapProfiler.collectGarbage').then(() => {
        isCollected = true;
      });
      // The request may arrive before the call.
      while (!isCollected) await awaken();
      await collected;
    }
    return heapUsageSchema.parse(await call('Runtime.getHeapUsage')).result;
  } finally {
    socket.close();
  }
}

/** @returns the ids of this process's workerd children; none if the system has no /proc */
export async function workerdProcesses(): Promise<string[]> {
  const ids = await readdir('/proc').catch(() => []);
  const found: string[] = [];
  for (const id of ids.filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    if (status.startsWith('Name:\tworkerd') && status.includes(`\nPPid:\t${process.pid}\n`)) {
      found.push(id);
    }
  }
  return found;
}

/** @returns a process's resident memory: now, or at most since its start */
export async function residentBytes(id: string, what: 'VmRSS' | 'VmHWM' = 'VmRSS') {
  const status = await readFile(`/proc/${id}/status`, 'utf8');
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}
