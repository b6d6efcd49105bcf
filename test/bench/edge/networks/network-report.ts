import * as z from 'zod';
import { names } from '../names.ts';
import { reportSchema } from '../report.ts';

/** The output of `npm run bench:edge -- --json --network …`. */
export const networkReportSchema = z.object({
  network: z.string(),
  ...reportSchema.pick({
    machine: true,
    largestLogitDifference: true,
    forward: true,
    coldStart: true,
  }).shape,
});

export type NetworkReport = z.infer<typeof networkReportSchema>;

/** Formats a report for people. */
export function networkReportText(report: NetworkReport): string {
  const { machine, network, forward, coldStart, largestLogitDifference } = report;
  const own = forward.find(({ name }) => name === names.catwalk)?.p50Ms ?? Number.NaN;
  const lines = [
    `${network} on ${machine.processor}, ${machine.cores} cores, Node ${machine.node}, workerd ${machine.workerd}`,
    columns('Forward pass', ['p50 ms', 'p95 ms', 'of Catwalk', 'logits off']),
    ...forward.map(({ name, p50Ms, p95Ms }) =>
      columns(name, [
        p50Ms.toFixed(3),
        p95Ms.toFixed(3),
        `${(p50Ms / own).toFixed(2)}x`,
        (largestLogitDifference[name] ?? Number.NaN).toExponential(1),
      ]),
    ),
    columns('Start to first answer', ['ms']),
    ...coldStart.map(({ name, ms }) => columns(name, [ms.toFixed(0)])),
  ];
  return `${lines.join('\n')}\n`;
}

const columns = (name: string, cells: readonly string[]) =>
  name.padEnd(30) + cells.map((cell) => cell.padStart(14)).join('');
