import epyc from '../../docs/bench/train.json' with { type: 'json' };
import timeTo913 from '../../docs/bench/train-time.json' with { type: 'json' };
import xeon from '../../docs/bench/train-xeon.json' with { type: 'json' };
import { median } from '../../test/bench/machine.ts';
import { grouped, machineLine, percent, rowNamed, table } from './format.ts';

/** Row names of docs/bench/train*.json, in the order of the tables. */
const contestants = {
  pytorch: ['PyTorch CPU', "PyTorch 2.13, CPU, 2 threads, the tutorial's loop"],
  wasm: ['Catwalk wasm', '**Catwalk, wasm, 2 threads**'],
  wasm1: ['Catwalk wasm, 1 thread', 'Catwalk, wasm, 1 thread'],
  native: ['Catwalk native', 'Catwalk, native TensorFlow'],
  stock: ['stock TensorFlow.js native', 'stock TensorFlow.js, native, `model.fit`'],
} as const;

/** `train.<contestant>.speed|ratio|memory`, `train.table`, the same with `train-xeon`; `time.fast|pytorch` and `time.table`. */
export function trainingFigures(): [string, string][] {
  return [...speedFigures('train', epyc), ...speedFigures('train-xeon', xeon), ...timeFigures()];
}

type TrainingResult = Pick<typeof epyc, 'machine' | 'rows'>;

function speedFigures(prefix: string, { rows, machine }: TrainingResult): [string, string][] {
  const pytorch = rowNamed(rows, contestants.pytorch[0]).imagesPerSecond;
  const measured = Object.entries(contestants).map(([key, [name, title]]) => {
    const { imagesPerSecond, peakMiB } = rowNamed(rows, name);
    return {
      key,
      cells: [grouped(imagesPerSecond), (imagesPerSecond / pytorch).toFixed(2), String(peakMiB)],
      title,
    };
  });
  const head = ['', 'images/s', 'of PyTorch', 'peak memory, MiB'];
  const body = measured.map(({ title, cells }) => [title, ...cells]);
  return [
    [`${prefix}.table`, `${table([head, ...body])}\n\n${machineLine(machine)}`],
    ...measured.flatMap(({ key, cells }) =>
      ['speed', 'ratio', 'memory'].map((unit, index): [string, string] => [
        `${prefix}.${key}.${unit}`,
        cells[index] as string,
      ]),
    ),
  ];
}

function timeFigures(): [string, string][] {
  const { seconds: pytorch } = rowNamed(timeTo913.timeTo913, 'PyTorch CPU');
  const { seconds: fast, finalAccuracy } = rowNamed(
    timeTo913.timeTo913,
    'Catwalk wasm, --recipe fast',
  );
  const inSeconds = (value: number) => `${Math.round(value)} s`;
  const rows = table([
    ['', ...fast.map((_, index) => `seed ${index + 1}`), 'median'],
    ["PyTorch, the tutorial's recipe", ...pytorch.map(inSeconds), inSeconds(median(pytorch))],
    ['**Catwalk, wasm, `--recipe fast`**', ...fast.map(inSeconds), inSeconds(median(fast))],
    ['its accuracy after epoch 3', ...finalAccuracy.map(percent), percent(median(finalAccuracy))],
  ]);
  return [
    ['time.table', `${rows}\n\n${machineLine(timeTo913.machine)}`],
    ['time.fast', inSeconds(median(fast))],
    ['time.pytorch', inSeconds(median(pytorch))],
  ];
}
