import cifar from '../../docs/bench/own-cifar.json' with { type: 'json' };
import photos from '../../docs/bench/own-photos.json' with { type: 'json' };
import { machineLine, percent, rowNamed, table } from './format.ts';

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

const seconds = (minutes: number) => `${Math.round(60 * minutes)} s`;

/** `own.photos.accuracy` and `own.photos.time` of MobileNet; `own.photos.table` and `own.cifar.table`: all recipes on folders of pictures. */
export function ownFigures(): [string, string][] {
  const photoRows = photos.report.map(({ recipe, accuracy, minutes, results }) => [
    `\`${recipe}\``,
    String(results.length),
    percent(accuracy),
    seconds(minutes),
    seconds(median(results.map(({ minutesAgain }) => minutesAgain))),
  ]);
  const photoHead = ['recipe', 'seeds', 'test accuracy', 'first start', 'again'];
  const cifarRows = cifar.report.map(({ recipe, accuracy, minutes, results }) => [
    `\`${recipe}\``,
    String(results.length),
    percent(accuracy),
    minutes.toFixed(1),
  ]);
  const cifarHead = ['recipe', 'seeds', 'test accuracy', 'minutes'];
  const { accuracy, minutes } = rowNamed(
    photos.report.map((row) => ({ ...row, name: row.recipe })),
    'mobilenet',
  );
  return [
    ['own.photos.accuracy', percent(accuracy)],
    ['own.photos.time', seconds(minutes)],
    ['own.photos.table', `${table([photoHead, ...photoRows])}\n\n${machineLine(photos.machine)}`],
    ['own.cifar.table', `${table([cifarHead, ...cifarRows])}\n\n${machineLine(cifar.machine)}`],
  ];
}
