import { logLevels } from '../configuration.ts';

export type LogLevel = (typeof logLevels)[number];

/** The log entry of a request. It contains nothing from the body, the query or the credentials. */
export interface RequestRecord {
  requestId: string;
  method: string;
  /** The route's pattern, such as `/images/:file`, or `none`. */
  route: string;
  status: number;
  /** Time spent waiting for I/O: a Worker's clock stands still while it computes. */
  milliseconds: number;
  /** The version that answered, or `null`. */
  version: string | null;
  /** `ok`, or the problem's code. */
  outcome: string;
  /** The name of the request's token, or `null` without a token. */
  client: string | null;
}

const severity = (status: number) => (status >= 500 ? 'error' : status >= 400 ? 'warn' : 'info');

/** @returns whether a request that ended with the status is logged */
export const isLogged = (level: LogLevel, status: number) =>
  logLevels.indexOf(severity(status)) <= logLevels.indexOf(level);

/** Writes one line of JSON, whose fields Workers Logs indexes. */
export function logRequest(record: RequestRecord, now: number): void {
  const level = severity(record.status);
  console[level](JSON.stringify({ level, time: new Date(now).toISOString(), ...record }));
}
