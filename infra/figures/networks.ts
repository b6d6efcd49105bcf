import networks from '../../docs/bench/networks.json' with { type: 'json' };
import logits from '../../docs/bench/networks-logits.json' with { type: 'json' };
import { names } from '../../test/bench/edge/names.ts';
import { type NetworkReport, savedSchema } from '../../test/bench/edge/networks/network-report.ts';
import { grouped, machineLine, rowNamed, significant, table } from './format.ts';

const titles: Record<string, string> = {
  'mobilenet-160': 'MobileNet v1 0.25, 160x160',
  'mobilenet-224': 'MobileNet v1 0.25, 224x224',
  residual: 'residual network, 32x32',
};

/** Row names of docs/bench/networks.json, slowest first. */
const contestants: [name: string, title: string][] = [
  [names.stockCpu, 'TensorFlow.js cpu'],
  [names.onnxruntime, 'onnxruntime-web'],
  [names.foldedWasm, 'TensorFlow.js wasm, fused and folded'],
  [names.pytorch, 'PyTorch (outside workerd)'],
  [names.catwalk, '**Catwalk**'],
];

const { results } = savedSchema.parse(networks);

/** `networks.forward.table`, `networks.requests.table` and `networks.logits.table`. */
export function networkFigures(): [string, string][] {
  return [
    ['networks.forward.table', forwardTable()],
    ['networks.requests.table', requestsTable()],
    ['networks.logits.table', logitsTable()],
  ];
}

const titleOf = ({ network, dtype }: NetworkReport) =>
  `${titles[network]}${dtype === 'float32' ? '' : `, ${dtype}`}`;
const withMachine = (rows: readonly (readonly string[])[]) => {
  const lines = results.map(({ machine }) => machineLine(machine));
  return `${table(rows)}\n\n${Array.from(new Set(lines)).join(' ')}`;
};

function forwardTable(): string {
  const head = ['forward pass of one image, p50, ms', ...contestants.map(([, title]) => title)];
  const rows = results.map((result) => {
    const own = rowNamed(result.forward, names.catwalk).p50Ms;
    const cells = contestants.map(([name]) => {
      const { p50Ms } = rowNamed(result.forward, name);
      return name === names.catwalk
        ? significant(p50Ms)
        : `${significant(p50Ms)} (${(p50Ms / own).toFixed(1)}x)`;
    });
    return [titleOf(result), ...cells];
  });
  return withMachine([head, ...rows]);
}

function requestsTable(): string {
  const rows = results.flatMap((result) => {
    const coldStartOf = (name: string) => rowNamed(result.coldStart, name).ms;
    const more = coldStartOf(names.catwalk) - coldStartOf(names.constant);
    const photosOf = (name: string) => result.photos.filter((row) => row.name === name);
    const decoded = photosOf(names.decoding);
    return photosOf(names.catwalk).map(({ photo, p50Ms, cpuMs, peakBytes }, at) => [
      at === 0 ? titleOf(result) : '',
      at === 0 ? `${grouped(more)} ms` : '',
      photo,
      significant(p50Ms),
      significant(cpuMs ?? Number.NaN),
      significant((cpuMs ?? Number.NaN) - (decoded[at]?.cpuMs ?? Number.NaN)),
      grouped((peakBytes ?? Number.NaN) / 1e6),
    ]);
  });
  const head = ['', 'ready after a constant Worker', 'photo', 'answer, p50, ms', 'CPU, ms'];
  return withMachine([[...head, 'CPU without decoding, ms', "process's peak, MB"], ...rows]);
}

function logitsTable(): string {
  const head = ['', 'images', 'other labels', 'largest logit', 'Catwalk from exact'];
  const rows = logits.results.map((result) => [
    titles[result.network] as string,
    grouped(result.images),
    String(result.otherLabels),
    significant(result.largestLogit),
    ...[result.catwalkFromExact, result.stockFromExact, result.catwalkFromStock].map(
      ({ median, largest }) => `${median.toExponential(1)}, at most ${largest.toExponential(1)}`,
    ),
  ]);
  return table([[...head, 'stock cpu from exact', 'Catwalk from stock cpu'], ...rows]);
}
