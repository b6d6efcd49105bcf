import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { HostileRequest } from './requests.ts';

export interface Answered {
  status: number;
  /** The start of it. */
  body: string;
  milliseconds: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends a request and waits for its answer. */
export function send(url: string, hostile: HostileRequest): Promise<Answered> {
  const { path, type, body, encoding } = hostile;
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), {
      agent,
      method: 'POST',
      headers: {
        'content-type': type,
        'content-length': body.byteLength,
        ...(encoding ? { 'content-encoding': encoding } : {}),
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: text,
          milliseconds: performance.now() - start,
        }),
      );
    });
    outgoing.end(body);
  });
}

/** Resets a process's peak memory to its current memory. Linux only. */
export const forgetPeak = (id: string): Promise<void> => writeFile(`/proc/${id}/clear_refs`, '5');

/** Returns a process's peak memory since `forgetPeak`, in bytes. */
export async function peakBytes(id: string): Promise<number> {
  const status = await readFile(`/proc/${id}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Returns a process's CPU time in milliseconds, which does not depend on other processes. Linux only. */
export async function cpuMilliseconds(id: string): Promise<number> {
  const fields = (await readFile(`/proc/${id}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  // User and system time in hundredths of a second.
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
