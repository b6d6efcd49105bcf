import type { SeedResult } from './accuracy-report.ts';

/** PyTorch's tutorial, after epochs 1 to 5. */
const tutorialAccuracies = [0.881, 0.897, 0.908, 0.909, 0.913];

/** docs/11-benchmarks.md: for each recipe and backend, every seed and the mean; no model is chosen by the test set. */
export function accuracyTable(results: readonly SeedResult[]): string {
  const groups = Map.groupBy(results, ({ recipe, backend }) => `--recipe ${recipe}, ${backend}`);
  const sections = [...groups].map(([name, seeds]) =>
    [`## ${name}`, '', ...tableOf(seeds), '', summaryOf(seeds)].join('\n'),
  );
  return `${[
    '# Accuracy',
    'Accuracy on the 10,000 test images. `npm run bench:accuracy -- --help` says how to make this page again; the figures are in\n[bench/accuracy.json](bench/accuracy.json).',
    ...sections,
  ].join('\n\n')}\n`;
}

/** A line an epoch for short trainings; the last epoch alone for long ones. */
function tableOf(seeds: readonly SeedResult[]): string[] {
  const { recipe, epochs } = seeds[0] as SeedResult;
  const isTutorial = recipe === 'tutorial';
  const head = [
    'epoch',
    ...seeds.map(({ seed }) => `seed ${seed}`),
    'mean',
    ...(isTutorial ? ["PyTorch's"] : []),
  ];
  const shown =
    epochs.length <= 8
      ? epochs.map((_, index) => index)
      : epochs.map((_, index) => index).filter((index) => (epochs.length - 1 - index) % 8 === 0);
  const rows = shown.map((index) => {
    const accuracies = seeds.map((one) => one.epochs[index]?.accuracy ?? Number.NaN);
    return [
      String(index + 1),
      ...accuracies.map(percent),
      percent(mean(accuracies)),
      ...(isTutorial ? [percent(tutorialAccuracies[index] ?? Number.NaN)] : []),
    ];
  });
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function summaryOf(seeds: readonly SeedResult[]): string {
  const last = seeds.map(({ epochs }) => epochs.at(-1)?.accuracy ?? Number.NaN);
  const { epochs, threads, jobs } = seeds[0] as SeedResult;
  const spread = Math.max(...last) - Math.min(...last);
  const minutes = mean(seeds.map((one) => (one.epochs.at(-1)?.seconds ?? 0) / 60));
  return `After ${epochs.length} epochs: **${percent(mean(last))}**, from ${percent(Math.min(...last))} to ${percent(Math.max(...last))} (${(100 * spread).toFixed(2)} apart). ${minutes.toFixed(1)} minutes of steps a training, ${threads} thread${threads === 1 ? '' : 's'} each, ${jobs} at once.`;
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
