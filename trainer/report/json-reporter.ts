import type { Reporter } from './reporter.ts';

/** One JSON object a line; models come without their weights. */
export function jsonReporter(write: (text: string) => void): Reporter {
  return {
    report(report) {
      const { artifacts: _, ...rest } = { artifacts: undefined, ...report };
      write(`${JSON.stringify(rest)}\n`);
    },
    close() {},
  };
}
