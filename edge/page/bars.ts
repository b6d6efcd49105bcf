import type { Prediction } from '../../shared/model/prediction.ts';
import { make } from './element.ts';

export const percent = (fraction: number, digits = 1): string =>
  `${(100 * fraction).toFixed(digits)} %`;

/** Labels to show. If there are more, the most probable ones in descending order. */
const maxRows = 12;

/**
 * Shows a bar per label, in label order. Rows are updated in place, so that bars are animated and a screen reader
 * keeps its position.
 */
export function showBars(list: HTMLElement, { probabilities, predicted }: Prediction): void {
  const shown =
    probabilities.length <= maxRows
      ? probabilities
      : probabilities.toSorted((a, b) => b.probability - a.probability).slice(0, maxRows);
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
