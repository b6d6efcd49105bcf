import { styleText } from 'node:util';

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Formats a count with thousands separators: `60,000`. */
export const formatCount = (count: number): string => integer.format(count);

/** Formats a share from 0 to 1 as a percentage: `91.30 %`. */
export const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;

/** Lays out rows in columns, each as wide as its widest cell. The heading is bold on a terminal. */
export function textTable(heading: string[], rows: string[][]): string {
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const [first = '', ...rest] = lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${[styleText('bold', first, { stream: process.stdout }), ...rest].join('\n')}\n`;
}

/** Prints a command's result to stdout: one JSON object for programs, or text for people. */
export function printResult(json: boolean, result: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : text());
}

/** Prints a progress message to stderr, so that stdout has the result only. */
export const printProgress = (message: string): void => {
  process.stderr.write(`${message}\n`);
};
