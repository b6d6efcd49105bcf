import accuracy from '../../docs/bench/accuracy.json' with { type: 'json' };
import { machineLine, percent, table } from './format.ts';

type SeedResult = (typeof accuracy.results)[number];

/** PyTorch's Fashion-MNIST tutorial, after epochs 1 to 5. */
const tutorialAccuracies = [0.881, 0.897, 0.908, 0.909, 0.913];

/** `accuracy.<recipe>.<backend>`: the mean after the last epoch; `.range`, `.table` beside it. */
export function accuracyFigures(): [string, string][] {
  const groups = Map.groupBy(
    accuracy.results,
    ({ recipe, backend }) => `accuracy.${recipe}.${backend}`,
  );
  return [...groups].flatMap(([name, seeds]): [string, string][] => {
    const last = seeds.map(lastAccuracy);
    return [
      [name, percent(mean(last))],
      [`${name}.range`, `${percent(Math.min(...last))} to ${percent(Math.max(...last))}`],
      [`${name}.table`, [seedTable(seeds), '', summaryOf(seeds)].join('\n')],
    ];
  });
}

/** One row per epoch if there are at most eight epochs, else every eighth epoch. */
function seedTable(seeds: readonly SeedResult[]): string {
  const { recipe, epochs } = seeds[0] as SeedResult;
  const isTutorial = recipe === 'tutorial';
  const head = ['epoch', ...seeds.map(({ seed }) => `seed ${seed}`), 'mean'];
  const shown = epochs
    .map((_, index) => index)
    .filter((index) => epochs.length <= 8 || (epochs.length - 1 - index) % 8 === 0);
  const rows = shown.map((index) => {
    const accuracies = seeds.map((one) => one.epochs[index]?.accuracy ?? Number.NaN);
    const cells = [String(index + 1), ...accuracies.map(percent), percent(mean(accuracies))];
    return isTutorial ? [...cells, percent(tutorialAccuracies[index] ?? Number.NaN)] : cells;
  });
  return table([isTutorial ? [...head, "PyTorch's tutorial"] : head, ...rows]);
}

function summaryOf(seeds: readonly SeedResult[]): string {
  const last = seeds.map(lastAccuracy);
  const { epochs, threads, jobs } = seeds[0] as SeedResult;
  const minutes = mean(seeds.map((one) => (one.epochs.at(-1)?.seconds ?? 0) / 60));
  const spread = 100 * (Math.max(...last) - Math.min(...last));
  return [
    `After ${epochs.length} epochs: **${percent(mean(last))}** on average, ${spread.toFixed(2)} points from lowest to highest.`,
    `Training steps took ${minutes.toFixed(1)} minutes per seed, with ${threads} thread${threads === 1 ? '' : 's'} each and ${jobs} at a time.`,
    ...new Set(seeds.map(({ machine }) => machineLine(machine))),
  ].join(' ');
}

const lastAccuracy = ({ epochs }: SeedResult) => epochs.at(-1)?.accuracy ?? Number.NaN;
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
