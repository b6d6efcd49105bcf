import type { LoadReport } from './run-load.ts';

/** A load's report for people. */
export function reportText(report: LoadReport): string {
  const { requests, connections, aliasMoves, swaps, loads, failedLoads, reads, behindMs } = report;
  const failed = Object.values(report.failedReads).reduce((sum, count) => sum + count, 0);
  const lines = [
    `${requests} requests in ${report.seconds} s by ${connections} connections, seed ${report.seed}: ${report.requestsPerSecond.toFixed(0)} a second`,
    `p50 ${report.p50Ms.toFixed(1)} ms, p99 ${report.p99Ms.toFixed(1)} ms, longest ${report.longestMs.toFixed(0)} ms`,
    ...table(report.outcomes).map((line) => `  ${line}`),
    'By route',
    ...Object.entries(report.routes)
      .sort()
      .map(([route, counts]) => `  ${route.padEnd(24)}${table(counts).join(', ')}`),
    `The alias moved ${aliasMoves} times, the Worker went over ${swaps} times; ${loads} loads, ${failedLoads} failed`,
    `The old version answered for ${behindMs.longest.toFixed(0)} ms at most after the alias had moved`,
    `${failed} of ${reads} reads failed: ${table(report.failedReads).join(', ')}`,
    ...(report.faults.length === 0
      ? ['No fault']
      : ['Faults:', ...report.faults.map((fault) => `  ${fault}`)]),
  ];
  return lines.join('\n');
}

const table = (counts: Record<string, number>): string[] =>
  Object.entries(counts)
    .sort()
    .map(([name, count]) => `${name}: ${count}`);
