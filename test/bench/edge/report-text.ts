import { names } from './names.ts';
import type { EveryImage, Report, SoakRow } from './report.ts';

/** Formats a report for people. */
export function reportText(report: Report): string {
  const { machine, model, bundle, startUpCpuMs } = report;
  const sections = [
    [
      `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}, workerd ${machine.workerd}`,
      `Model ${model.version}, accuracy ${(100 * model.accuracy).toFixed(2)} %`,
    ],
    ...(report.everyImage ? [everyImageLines(report.everyImage)] : []),
    forwardLines(report),
    coldStartLines(report),
    memoryLines(report),
    ...(report.soak ? [soakLines(report.soak)] : []),
    httpLines(report),
    ...(report.photos.length > 0 ? [photoLines(report)] : []),
    [
      `Bundle: ${kilobytes(bundle.bytes)}, ${kilobytes(bundle.gzipBytes)} gzip`,
      ...(startUpCpuMs === null
        ? []
        : [`Start-up of the script: ${startUpCpuMs.toFixed(0)} ms CPU`]),
    ],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const everyImageLines = ({ images, largestLogitDifference, otherLabels }: EveryImage) => [
  `Of the stock cpu backend's logits for all ${images} test images: at most ${largestLogitDifference.toExponential(1)} off, ${otherLabels} other labels`,
];

function forwardLines({ forward }: Report): string[] {
  const p50Of = (name: string, batch: number) =>
    forward.find((row) => row.name === name && row.batch === batch)?.p50Ms ?? Number.NaN;
  return [
    columns('Forward pass', ['batch', 'p50 ms', 'p95 ms', 'p99 ms', 'vs cpu', 'of PyTorch']),
    ...forward.map(({ name, batch, p50Ms, p95Ms, p99Ms }) =>
      columns(name, [
        String(batch),
        p50Ms.toFixed(3),
        p95Ms.toFixed(3),
        p99Ms.toFixed(3),
        ratio(p50Of(names.stockCpu, batch) / p50Ms, 1),
        ratio(p50Ms / p50Of(names.pytorch, batch), 2),
      ]),
    ),
  ];
}

function coldStartLines({ coldStart }: Report): string[] {
  const base = coldStart.find(({ name }) => name === names.constant)?.ms ?? Number.NaN;
  return [
    columns('Start to first answer', ['ms', 'over constant']),
    ...coldStart.map(({ name, ms }) => columns(name, [ms.toFixed(0), (ms - base).toFixed(0)])),
  ];
}

const photoLines = ({ photos }: Report): string[] => [
  columns('Photos, POST /predict', ['first ms', 'p50 ms', 'CPU ms', 'peak MB']),
  ...photos.map(({ name, photo, firstMs, p50Ms, cpuMs, peakBytes }) =>
    columns(`${photo}: ${name}`, [
      firstMs.toFixed(0),
      p50Ms.toFixed(1),
      cpuMs === null ? '-' : cpuMs.toFixed(1),
      peakBytes === null ? '-' : (peakBytes / 1e6).toFixed(0),
    ]),
  ),
];

const memoryLines = ({ memory }: Report): string[] => [
  columns('Memory, MB', ['heap', 'buffers', 'process']),
  ...memory.map(({ name, heapBytes, arrayBufferBytes, processBytes }) =>
    columns(name, [
      megabytes(heapBytes),
      megabytes(arrayBufferBytes),
      processBytes === null ? '-' : megabytes(processBytes),
    ]),
  ),
];

const soakLines = (rows: SoakRow[]): string[] => [
  columns('After predictions, MB', ['heap', 'buffers', 'process']),
  ...rows.map(({ predictions, heapBytes, arrayBufferBytes, processBytes }) =>
    columns(String(predictions), [
      megabytes(heapBytes),
      megabytes(arrayBufferBytes),
      processBytes === null ? '-' : megabytes(processBytes),
    ]),
  ),
];

function httpLines({ http }: Report): string[] {
  return [
    columns('HTTP', ['p50 ms', 'p99 ms', 'requests/s', 'of constant']),
    ...http.map(({ route, p50Ms, p99Ms, requestsPerSecond }) => {
      const method = route.slice(0, route.indexOf(' '));
      const base = http.find((row) => row.route === `${method} ${names.constant}`)?.p50Ms;
      return columns(route, [
        p50Ms.toFixed(3),
        p99Ms.toFixed(3),
        requestsPerSecond.toFixed(0),
        ratio(p50Ms / (base ?? Number.NaN), 2),
      ]);
    }),
  ];
}

const ratio = (value: number, digits: number) =>
  Number.isFinite(value) ? `${value.toFixed(digits)}x` : '-';
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

const columns = (name: string, cells: readonly string[]) =>
  name.padEnd(30) + cells.map((cell) => cell.padStart(14)).join('');
