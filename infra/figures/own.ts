import cifar from '../../docs/bench/own-cifar.json' with { type: 'json' };
import photos from '../../docs/bench/own-photos.json' with { type: 'json' };
import tomatoes from '../../docs/bench/own-tomatoes.json' with { type: 'json' };
import { machineLine, percent, rowNamed, table } from './format.ts';

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

const seconds = (minutes: number) => `${Math.round(60 * minutes)} s`;

/** The table of trainings by `npm start`. @param what heads the column of their names */
function startTable(what: string, { report, machine }: typeof photos | typeof tomatoes): string {
  const rows = report.map(({ recipe, accuracy, minutes, results }) => [
    `\`${recipe}\``,
    String(results.length),
    percent(accuracy),
    seconds(minutes),
    seconds(median(results.map(({ minutesAgain }) => minutesAgain))),
  ]);
  const head = [what, 'seeds', 'test accuracy', 'first start', 'again'];
  return `${table([head, ...rows])}\n\n${machineLine(machine)}`;
}

/**
 * `own.photos.accuracy` and `own.photos.time` of MobileNet; `own.photos.table`, `own.tomatoes.table` and `own.cifar.table`: all
 * trainings on folders of pictures.
 */
export function ownFigures(): [string, string][] {
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
    ['own.tomatoes.table', startTable('`--network`', tomatoes)],
    ['own.photos.accuracy', percent(accuracy)],
    ['own.photos.time', seconds(minutes)],
    ['own.photos.table', startTable('recipe', photos)],
    ['own.cifar.table', `${table([cifarHead, ...cifarRows])}\n\n${machineLine(cifar.machine)}`],
  ];
}
