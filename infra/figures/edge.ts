import epyc from '../../docs/bench/edge.json' with { type: 'json' };
import soak from '../../docs/bench/edge-soak.json' with { type: 'json' };
import xeon from '../../docs/bench/edge-xeon.json' with { type: 'json' };
import { grouped, kilobytes, machineLine, rowNamed, significant, table } from './format.ts';

/** Row names of docs/bench/edge*.json, slowest first. */
const contestants: [key: string, name: string, title: string][] = [
  ['stockCpu', 'tfjs cpu, stock', 'TensorFlow.js, stock cpu backend'],
  ['onnx', 'onnxruntime-web, 1 thread', 'onnxruntime-web, wasm, 1 thread'],
  ['stockWasm', 'tfjs wasm, stock', 'TensorFlow.js, stock wasm backend'],
  ['pytorch', 'PyTorch, native, 1 thread', 'PyTorch, native, 1 thread (outside workerd)'],
  ['catwalk', 'Catwalk', '**Catwalk**'],
];

/** Route names of docs/bench/edge*.json, each with the constant that it is compared with. */
const routes: [name: string, constant: string, title: string][] = [
  ['GET constant', 'GET constant', 'a route that answers a constant, GET'],
  ['GET /predict, logits kept', 'GET constant', '`GET /predict?index=`, logits cached'],
  ['GET /predict, network run', 'GET constant', '`GET /predict?index=`, the network runs'],
  ['POST constant', 'POST constant', 'a route that answers a constant, POST'],
  ['POST /predict', 'POST constant', '`POST /predict`, a 28x28 PNG'],
];

export function edgeFigures(): [string, string][] {
  const first = soak.soak.at(0);
  const last = soak.soak.at(-1);
  const megabytes = (bytes = Number.NaN) => `${(bytes / 1e6).toFixed(1)} MB`;
  const { images, largestLogitDifference, otherLabels } = epyc.everyImage;
  return [
    ...machineFigures('edge', epyc),
    ...machineFigures('edge-xeon', xeon),
    ['edge.every-image.images', grouped(images)],
    ['edge.every-image.difference', largestLogitDifference.toExponential(1)],
    ['edge.every-image.other-labels', String(otherLabels)],
    ['edge-soak.predictions', grouped(last?.predictions ?? Number.NaN)],
    ['edge-soak.first', megabytes(first?.processBytes)],
    ['edge-soak.last', megabytes(last?.processBytes)],
    ['edge-soak.heap', megabytes(last?.heapBytes)],
  ];
}

function machineFigures(prefix: string, result: typeof epyc | typeof xeon): [string, string][] {
  const { forward, http, coldStart, memory, bundle, machine, startUpCpuMs } = result;
  const p50 = (name: string, batch: number) =>
    rowNamed(
      forward.filter((row) => row.batch === batch),
      name,
    ).p50Ms;
  const [pytorch, catwalk] = [p50('PyTorch, native, 1 thread', 1), p50('Catwalk', 1)];
  const coldStartOf = (name: string) => rowNamed(coldStart, name).ms;
  const processBytes = (name: string) => rowNamed(memory, name).processBytes;
  const routeRows = http.map((row) => ({ ...row, name: row.route }));
  const httpMs = (name: string) => rowNamed(routeRows, name).p50Ms;
  const forwardRows = contestants.map(([, name, title]) => {
    const [one, sixteen] = [p50(name, 1), p50(name, 16)];
    return [title, one, one / pytorch, sixteen, sixteen / 16] as const;
  });
  return [
    [
      `${prefix}.forward.table`,
      `${table([
        [
          'forward pass, p50, ms',
          'one image',
          'of PyTorch',
          'batch of 16',
          'batch of 16, per image',
        ],
        ...forwardRows.map(([title, one, ratio, sixteen, each]) => [
          title,
          significant(one),
          ratio.toFixed(2),
          significant(sixteen),
          significant(each),
        ]),
      ])}\n\n${machineLine(machine)}`,
    ],
    [
      `${prefix}.http.table`,
      `${table([
        ['over HTTP on loopback, p50', 'ms', 'of the constant'],
        ...routes.map(([name, constant, title]) => [
          title,
          significant(httpMs(name)),
          (httpMs(name) / httpMs(constant)).toFixed(2),
        ]),
      ])}\n\n${machineLine(machine)}`,
    ],
    ...contestants.map(([key, name]): [string, string] => [
      `${prefix}.${key}.ms`,
      significant(p50(name, 1)),
    ]),
    [`${prefix}.ratio`, (catwalk / pytorch).toFixed(2)],
    [`${prefix}.onnx-ratio`, (p50('onnxruntime-web, 1 thread', 1) / catwalk).toFixed(1)],
    [`${prefix}.times-stock-cpu`, grouped(p50('tfjs cpu, stock', 1) / catwalk)],
    [`${prefix}.post.ms`, significant(httpMs('POST /predict'))],
    [`${prefix}.post.rate`, grouped(rowNamed(routeRows, 'POST /predict').requestsPerSecond)],
    [`${prefix}.first-prediction.ms`, grouped(coldStartOf('Catwalk'))],
    [`${prefix}.first-prediction.more`, grouped(coldStartOf('Catwalk') - coldStartOf('constant'))],
    [`${prefix}.start-up.ms`, grouped(startUpCpuMs)],
    [`${prefix}.memory.more`, grouped((processBytes('Catwalk') - processBytes('constant')) / 1e6)],
    [`${prefix}.bundle`, kilobytes(bundle.bytes)],
    [`${prefix}.bundle.gzip`, kilobytes(bundle.gzipBytes)],
  ];
}
