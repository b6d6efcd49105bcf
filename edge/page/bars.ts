import type { Prediction } from '../../shared/model/prediction.ts';
import { make } from './element.ts';

export const percent = (fraction: number, digits = 1): string =>
  `${(100 * fraction).toFixed(digits)} %`;

/**
 * Shows a probability a label, in label order. The rows stay and their values change, so that the bars glide and a screen
 * reader keeps its place.
 *
 * @param most rows to show, the likeliest ones; all unless there are more labels
 */
export function showBars(
  list: HTMLElement,
  { probabilities, predicted }: Prediction,
  most = 12,
): void {
  const shown =
    probabilities.length <= most
      ? probabilities
      : probabilities.toSorted((a, b) => b.probability - a.probability).slice(0, most);
  while (list.children.length > shown.length) list.lastElementChild?.remove();
  for (const [i, { id, label, probability }] of shown.entries()) {
    const row = list.children[i] ?? list.appendChild(makeRow());
    const [name, meter, value] = row.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
    row.className = id === predicted.id ? 'predicted' : '';
    name.textContent = label;
    (meter.firstElementChild as HTMLElement).style.inlineSize = `${100 * probability}%`;
    value.textContent = percent(probability);
  }
}

const makeRow = () =>
  make(
    'li',
    {},
    make('span'),
    make('span', { className: 'meter', ariaHidden: 'true' }, make('i')),
    make('span', { className: 'number' }),
  );
