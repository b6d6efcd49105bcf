/** `npm run bench:train`: training speed side by side with PyTorch. `-- --help` has the options. */
import { Command } from 'commander';
import { defaultCacheFolder } from '../../node/files.ts';
import { readNativeSetup } from '../../trainer/backend/native-setup.ts';
import { loadDataset } from '../../trainer/data/load-dataset.ts';
import { type Machine, median, thisMachine } from './machine.ts';
import {
  type Contestant,
  catwalkContestant,
  pytorchContestant,
  stockContestant,
  type Training,
} from './train-contestants.ts';

interface Row {
  name: string;
  imagesPerSecond: number;
  ratioToPytorch: number | null;
  peakMiB: number;
  /** The kernels of a step, without the optimizer, which is not one. null: not counted. */
  kernelsPerStep: number | null;
}

interface TimeToAccuracy {
  name: string;
  /** Seconds of training steps until an epoch's test accuracy reached 91.3 %, one per seed; null: it did not. */
  seconds: (number | null)[];
  finalAccuracy: number[];
}

interface Report {
  machine: Machine;
  rows: Row[];
  timeTo913: TimeToAccuracy[];
}

const target = 0.913;

const options = new Command('npm run bench:train --')
  .description(
    'Trains the same network with the same recipe with Catwalk, PyTorch and stock TensorFlow.js, which take turns, and compares images per second.',
  )
  .option('--rounds <n>', 'trainings of each contestant', '5')
  .option('--limit <n>', 'training images per round', '12800')
  .option('--network <name>', 'tutorial, or residual on the pictures of --dataset', 'tutorial')
  .option(
    '--dataset <folder>',
    'for residual: a folder of pictures of 32x32 pixels in train/ and test/',
  )
  .option('--seeds <n>', 'also train to 91.3 % test accuracy with seeds 1 to n', '0')
  .option('--python <path>', 'a Python with torch', 'python3')
  .option('--json', 'print the result as JSON')
  .parse()
  .opts<{
    rounds: string;
    limit: string;
    network: string;
    dataset?: string;
    seeds: string;
    python: string;
    json?: boolean;
  }>();

const { dataset } = options;
const isResidual = options.network === 'residual';
if (isResidual !== (dataset !== undefined)) {
  throw new Error('--network residual needs --dataset, and only it takes one.');
}
if (!dataset) await loadDataset(); // Fills the cache, which PyTorch then reads, too.
const pytorch = await (dataset
  ? pytorchContestant(options.python, dataset, 'pytorch_residual.py')
  : pytorchContestant(options.python, `${defaultCacheFolder()}/fashion-mnist`));
if (!pytorch) {
  process.stderr.write(
    `PyTorch is skipped: ${options.python} has no torch. Name one that has: -- --python <path>\n`,
  );
}
const isNativeSetUp = (await readNativeSetup()) !== null;
if (!isNativeSetUp) {
  process.stderr.write('Catwalk native is skipped: npm run setup:native sets TensorFlow up.\n');
}
const ofNetwork = dataset
  ? ['--network', 'residual', '--dataset', dataset, '--size', '32', '--colour', 'rgb']
  : [];
const native = catwalkContestant('Catwalk native', 'tensorflow', '--device', 'cpu', ...ofNetwork);
const contestants: Contestant[] = [
  ...(pytorch ? [pytorch] : []),
  ...(isNativeSetUp ? [native, ...(isResidual ? [] : [stockContestant])] : []),
  catwalkContestant('Catwalk wasm', 'wasm', ...ofNetwork),
  catwalkContestant('Catwalk wasm, 1 thread', 'wasm', '--threads', '1', ...ofNetwork),
];

const report: Report = {
  machine: thisMachine(),
  rows: await compareSpeed(Number(options.rounds), Number(options.limit)),
  timeTo913: await timeToAccuracy(Number(options.seeds)),
};
process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));

async function compareSpeed(rounds: number, limit: number): Promise<Row[]> {
  const trainings = new Map<Contestant, Training[]>(contestants.map((one) => [one, []]));
  // They take turns, so that a machine that slows down slows all of them.
  for (let round = 1; round <= rounds; round++) {
    for (const [contestant, results] of trainings) {
      const result = await contestant.train({ limit, epochs: 1, seed: round });
      process.stderr.write(
        `round ${round}: ${contestant.name} ${result.epochs[0]?.imagesPerSecond.toFixed(0)} images/s\n`,
      );
      results.push(result);
    }
  }
  const speedOf = (contestant: Contestant) =>
    median((trainings.get(contestant) ?? []).map(({ epochs }) => epochs[0]?.imagesPerSecond ?? 0));
  const counts = await Promise.all(contestants.map((contestant) => contestant.countStep?.()));
  return contestants.map((contestant, index) => ({
    name: contestant.name,
    imagesPerSecond: Math.round(speedOf(contestant)),
    ratioToPytorch: pytorch ? Number((speedOf(contestant) / speedOf(pytorch)).toFixed(3)) : null,
    peakMiB: Math.round(
      median((trainings.get(contestant) ?? []).map(({ peakBytes }) => peakBytes)) / 2 ** 20,
    ),
    kernelsPerStep: counts[index]?.kernels ?? null,
  }));
}

async function timeToAccuracy(seeds: number): Promise<TimeToAccuracy[]> {
  const fast = catwalkContestant('Catwalk wasm, --recipe fast', 'wasm', '--recipe', 'fast');
  const results = [
    // The tutorial's recipe reaches 91.3 % after about five epochs; the number depends on the seed.
    ...(pytorch ? [{ contestant: pytorch, epochs: 8, trainings: [] as Training[] }] : []),
    { contestant: fast, trainings: [] as Training[] },
  ];
  for (let seed = 1; seed <= seeds; seed++) {
    for (const { contestant, trainings, ...epochs } of results) {
      trainings.push(await contestant.train({ limit: 60_000, ...epochs, seed, until: target }));
      process.stderr.write(`seed ${seed}: ${contestant.name}\n`);
    }
  }
  return results.map(({ contestant, trainings }) => ({
    name: contestant.name,
    seconds: trainings.map(
      ({ epochs }) => epochs.find(({ accuracy }) => accuracy >= target)?.seconds ?? null,
    ),
    finalAccuracy: trainings.map(({ epochs }) => epochs.at(-1)?.accuracy ?? 0),
  }));
}

function asText({ machine, rows, timeTo913 }: Report): string {
  const { processor, cores, memoryGiB, node } = machine;
  const lines = [
    `${processor}, ${cores} cores, ${memoryGiB} GiB, Node ${node}`,
    `${`Training, batch ${isResidual ? 128 : 64}`.padEnd(28)}images/s   of PyTorch   peak MiB   kernels a step`,
    ...rows.map(
      ({ name, imagesPerSecond, ratioToPytorch, peakMiB, kernelsPerStep }) =>
        name.padEnd(28) +
        String(imagesPerSecond).padStart(8) +
        (ratioToPytorch?.toFixed(2) ?? '-').padStart(13) +
        String(peakMiB).padStart(11) +
        String(kernelsPerStep ?? '-').padStart(17),
    ),
    ...timeTo913
      .filter(({ seconds }) => seconds.length > 0)
      .map(({ name, seconds }) => {
        const times = seconds.map((time) =>
          time === null ? 'not reached' : `${Math.round(time)} s`,
        );
        return `Time to 91.3 %, ${name}: ${times.join(', ')}`;
      }),
  ];
  return `${lines.join('\n')}\n`;
}
