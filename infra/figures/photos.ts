import photos from '../../docs/bench/photos.json' with { type: 'json' };
import { percent, table } from './format.ts';

/** `photos.<recipe>.macro` and `.bags`: the shares of real photos that are right, and that are taken for bags; `photos.table`: all of them. */
export function photoFigures(): [string, string][] {
  const rows = photos.results.map(({ recipe, epoch, testAccuracy, macro, bags }) => [
    `\`${recipe}\``,
    String(epoch),
    percent(testAccuracy),
    percent(macro),
    percent(bags),
  ]);
  const head = [
    'recipe',
    'epochs',
    'test accuracy',
    'photos: macro accuracy',
    'photos: called a bag',
  ];
  return [
    ...photos.results.flatMap(({ recipe, macro, bags }): [string, string][] => [
      [`photos.${recipe}.macro`, percent(macro)],
      [`photos.${recipe}.bags`, percent(bags)],
    ]),
    ['photos.table', table([head, ...rows])],
  ];
}
