import { type Fault, type FaultPlan, startFaultProxy } from '../support/s3/fault-proxy.ts';

/** The fault of a read: refused, lost, or cut off in the middle of the answer. */
const faults: Fault[] = [
  { kind: 'status', status: 500, code: 'InternalError', done: false },
  { kind: 'status', status: 503, code: 'SlowDown', done: false },
  { kind: 'cut request' },
  { kind: 'cut answer' },
  { kind: 'cut in the answer' },
];

export interface FailingReads {
  endpoint: string;
  /** Sets the percentage of reads that fail. */
  fail(percent: number): void;
  /** Since `fail`. */
  reads(): number;
  /** How many reads failed in each way. */
  failed(): Record<string, number>;
  stop(): Promise<void>;
}

/**
 * A proxy in front of a bucket's S3 API.
 *
 * @param random a number from 0 to below 1
 */
export async function startFailingReads(
  endpoint: string,
  random: () => number,
): Promise<FailingReads> {
  const proxy = await startFaultProxy(endpoint);
  const counts: Record<string, number> = {};
  return {
    endpoint: proxy.endpoint,
    fail(percent) {
      const plan: FaultPlan = () => {
        if (random() * 100 >= percent) return null;
        const fault = faults[Math.floor(random() * faults.length)] as Fault;
        const name = fault.kind === 'status' ? String(fault.status) : fault.kind;
        counts[name] = (counts[name] ?? 0) + 1;
        return fault;
      };
      proxy.plan(plan);
    },
    reads: proxy.requests,
    failed: () => counts,
    stop: proxy.stop,
  };
}
