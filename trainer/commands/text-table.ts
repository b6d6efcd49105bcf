import { styleText } from 'node:util';

/** Columns as wide as their widest cell; the heading is bold on a terminal. */
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
