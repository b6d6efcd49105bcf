import type { Evaluation } from '../../shared/registry/evaluation.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { make } from './element.ts';
import { ask, Trouble } from './trouble.ts';

/**
 * The confusion matrix as a table of buttons: a row for what the images are, a column for what they were taken for. It is
 * one stop of the Tab key; the arrow keys go from cell to cell.
 *
 * @param counts `[actual][predicted]`
 */
export function heatMap(
  counts: number[][],
  labels: readonly string[],
  onCell: (actual: number, predicted: number) => void,
): HTMLElement {
  const off = counts.flatMap((row, actual) => row.filter((_, predicted) => predicted !== actual));
  const mostWrong = Math.max(1, ...off);
  const cells = counts.map((row, actual) =>
    row.map((count, predicted) => {
      const isRight = actual === predicted;
      const support = row.reduce((sum, each) => sum + each, 0);
      const button = make('button', {
        type: 'button',
        textContent: count === 0 ? '' : String(count),
        tabIndex: actual + predicted === 0 ? 0 : -1,
        className: isRight ? 'hit' : 'miss',
        ariaLabel: isRight
          ? `${labels[actual]}: ${count} of ${support} right`
          : `${labels[actual]} taken for ${labels[predicted]}: ${count}`,
        onclick: () => onCell(actual, predicted),
      });
      // Mistakes are few: by their root, one still shows beside a hundred.
      const heat = isRight ? count / Math.max(1, support) : Math.sqrt(count / mostWrong);
      button.style.setProperty('--heat', `${Math.round(100 * heat)}%`);
      return button;
    }),
  );
  const steps: Record<string, [number, number]> = {
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
  };
  const body = make('tbody', {
    onkeydown: (event) => {
      const step = steps[event.key];
      const y = cells.findIndex((row) => row.includes(event.target as HTMLButtonElement));
      const x = cells[y]?.indexOf(event.target as HTMLButtonElement) ?? -1;
      const next = step && cells[y + step[0]]?.[x + step[1]];
      if (!next) return;
      event.preventDefault();
      for (const cell of cells.flat()) cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    },
  });
  body.append(
    ...cells.map((row, actual) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row', textContent: labels[actual] ?? '' }),
        ...row.map((button) => make('td', {}, button)),
      ),
    ),
  );
  const head = make(
    'tr',
    {},
    make('td', { className: 'corner', textContent: 'actual ↓ predicted →' }),
    ...labels.map((label) => make('th', { scope: 'col' }, make('span', { textContent: label }))),
  );
  return make(
    'table',
    { className: 'heat' },
    make('caption', { textContent: 'Confusion: choose a cell to see its images' }),
    make('thead', {}, head),
    body,
  );
}

/** What the model says of one test image. */
export interface Verdict {
  index: number;
  /** Class ids. */
  actual: number;
  predicted: number;
  /** Of the predicted label, 0..1. */
  probability: number;
}

/**
 * Reads what a version says of every test image; the browser keeps the file, as it never changes.
 *
 * @throws {Trouble} also where the version has none
 */
export async function readEvaluation({ version, evaluation }: Manifest): Promise<Verdict[]> {
  if (!evaluation) {
    throw new Trouble(
      'no_evaluation',
      'This version has no evaluation',
      'An older trainer published it. Versions that are published now have one, and their images can be looked through here.',
    );
  }
  const { value } = await ask<Evaluation>(`models/${version}/${evaluation.path}`);
  const [actual, predicted, probability] = [value.actual, value.predicted, value.probability].map(
    (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const probabilities = new DataView(probability.buffer);
  return Array.from(actual, (label, index) => ({
    index,
    actual: label,
    predicted: predicted[index] as number,
    probability: probabilities.getUint16(2 * index, true) / 65535,
  }));
}
