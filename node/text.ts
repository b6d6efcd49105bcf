import { styleText } from 'node:util';

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Formats a count with thousands separators: `60,000`. */
export const formatCount = (count: number): string => integer.format(count);

/** Quotes a path for a POSIX shell, if it has characters that a shell would change. */
export const shellQuoted = (path: string): string =>
  /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** Formats a share from 0 to 1 as a percentage: `91.30 %`. */
export const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;

/**
 * Removes what a terminal would obey: control characters except line breaks and tabs, and marks that reverse the direction of
 * text. Labels, file names and servers' messages can contain them. Colours of `styleText` stay.
 */
export const printable = (text: string): string =>
  text.replace(obeyed, (part) => (part.endsWith('m') ? part : ''));

const obeyed =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are removed.
  /\x1b\[(?:[1-4]|2[2-4]|3[1-9])m|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Writes text for people to a stream, without what a terminal would obey. */
export const printText = (stream: NodeJS.WritableStream, text: string): void => {
  stream.write(printable(text));
};

/** Lays out rows in columns, each as wide as its widest cell. The heading is bold on a terminal. */
export function textTable(heading: string[], rows: string[][]): string {
  const lines = [heading, ...rows].map((cells) =>
    cells.map((cell) => printable(cell).replace(/\s/g, ' ')),
  );
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
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else printText(process.stdout, text());
}

/** Prints a progress message to stderr, so that stdout has the result only. */
export const printProgress = (message: string): void => {
  printText(process.stderr, `${message}\n`);
};
