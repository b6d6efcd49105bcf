/** A Markdown table; the first row is its head. */
export const table = ([head = [], ...rows]: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** The machine on which a result was measured, as a line below its table. */
export function machineLine(machine: {
  processor: string;
  cores: number;
  memoryGiB: number;
  platform: string;
  node: string;
}): string {
  const processor = machine.processor.replaceAll('(R)', '').replace(/ Processor$/, '');
  return `Machine: ${processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node.slice(1)}.`;
}

/** A share as a percentage with two decimals. */
export const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

export const grouped = (value: number) => Math.round(value).toLocaleString('en');

/** Milliseconds, or other units, with three significant digits. */
export const significant = (value: number) =>
  value >= 100 ? grouped(value) : value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);

export const dollars = (value: number) =>
  `$${value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

export const kilobytes = (bytes: number) => `${grouped(bytes / 1000)} kB`;

/** @throws {Error} if a result file lacks the row, for example after a contestant was renamed */
export function rowNamed<Row extends { name: string }>(rows: readonly Row[], name: string): Row {
  const row = rows.find((one) => one.name === name);
  if (!row) throw new Error(`docs/bench has no row "${name}".`);
  return row;
}
