import type { Reporter } from './reporter.ts';

/** One JSON object a line; models come without their weights and logits. */
export function jsonReporter(write: (text: string) => void): Reporter {
  return {
    report(report) {
      const withoutTensors = { ...report, artifacts: undefined, logits: undefined };
      write(`${JSON.stringify(withoutTensors)}\n`);
    },
    close() {},
  };
}
