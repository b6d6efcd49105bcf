import accuracy from '../../docs/bench/accuracy.json' with { type: 'json' };
import { machineLine, percent, table } from './format.ts';

type SeedResult = (typeof accuracy.results)[number];

/** PyTorch's Fashion-MNIST tutorial, after epochs 1 to 5. */
const tutorialAccuracies = [0.881, 0.897, 0.908, 0.909, 0.913];

/** `accuracy.<recipe>.<backend>`: the mean after the last epoch; `.range`, `.minutes`, `.table` beside it. */
export function accuracyFigures(): [string, string][] {
  const groups = Map.groupBy(
    accuracy.results,
    ({ recipe, backend }) => `accuracy.${recipe}.${backend}`,
  );
  return [...groups].flatMap(([name, seeds]): [string, string][] => {
    const last = seeds.map(lastAccuracy);
    return [
      [name, percent(mean(last))],
      [`${name}.range`, rangeOf(last)],
      [`${name}.minutes`, minutesOf(seeds).toFixed(0)],
      [`${name}.table`, [epochTable(seeds), '', summaryOf(seeds)].join('\n')],
    ];
  });
}

/** The mean and range over the seeds: one row per epoch if there are at most eight, else every eighth epoch. */
function epochTable(seeds: readonly SeedResult[]): string {
  const { recipe, epochs } = seeds[0] as SeedResult;
  const isTutorial = recipe === 'tutorial';
  const rows = epochs.flatMap((_, index) => {
    if (epochs.length > 8 && (epochs.length - 1 - index) % 8 !== 0) return [];
    const accuracies = seeds.map((one) => one.epochs[index]?.accuracy ?? Number.NaN);
    const cells = [String(index + 1), percent(mean(accuracies)), rangeOf(accuracies)];
    return [isTutorial ? [...cells, percent(tutorialAccuracies[index] ?? Number.NaN)] : cells];
  });
  if (seeds.length === 1) {
    return table([['epoch', `seed ${seeds[0]?.seed}`], ...rows.map((cells) => cells.slice(0, 2))]);
  }
  const head = ['epoch', `mean of ${seeds.length} seeds`, 'lowest to highest'];
  return table([isTutorial ? [...head, "PyTorch's tutorial"] : head, ...rows]);
}

function summaryOf(seeds: readonly SeedResult[]): string {
  const { threads, jobs } = seeds[0] as SeedResult;
  return [
    `${minutesOf(seeds).toFixed(1)} minutes of training steps per seed: ${threads} thread${threads === 1 ? '' : 's'} each, ${jobs} at a time.`,
    ...new Set(seeds.map(({ machine }) => machineLine(machine))),
  ].join(' ');
}

const rangeOf = (values: readonly number[]) =>
  `${percent(Math.min(...values))} to ${percent(Math.max(...values))}`;
const minutesOf = (seeds: readonly SeedResult[]) =>
  mean(seeds.map((one) => (one.epochs.at(-1)?.seconds ?? 0) / 60));
const lastAccuracy = ({ epochs }: SeedResult) => epochs.at(-1)?.accuracy ?? Number.NaN;
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
