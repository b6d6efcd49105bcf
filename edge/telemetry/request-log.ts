import { logLevels } from '../configuration.ts';

export type LogLevel = (typeof logLevels)[number];

/** A request, as it is logged: nothing in it comes from its body, its query or its credentials. */
export interface RequestRecord {
  requestId: string;
  method: string;
  /** The pattern, such as `/images/:file`; `none` where there is none. */
  route: string;
  status: number;
  /** Awaiting I/O: clocks stand still while a Worker computes. */
  milliseconds: number;
  /** That answered, `null` where none did. */
  version: string | null;
  /** `ok`, or the problem's code. */
  outcome: string;
  /** Whose token it came with, `null` where with none. */
  client: string | null;
}

const severity = (status: number) => (status >= 500 ? 'error' : status >= 400 ? 'warn' : 'info');

/** @returns whether a request that ended with the status is logged */
export const isLogged = (level: LogLevel, status: number) =>
  logLevels.indexOf(severity(status)) <= logLevels.indexOf(level);

/** Writes one line of JSON, which Workers Logs takes apart by itself. */
export function logRequest(record: RequestRecord, now: number): void {
  const level = severity(record.status);
  console[level](JSON.stringify({ level, time: new Date(now).toISOString(), ...record }));
}
