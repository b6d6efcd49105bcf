import type { Evaluation } from '../../shared/registry/evaluation.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { make } from './element.ts';
import { request, Trouble } from './requests.ts';

/**
 * The confusion matrix as a table of buttons, with a row per actual and a column per predicted label. It is one tab
 * stop. The arrow keys move between cells.
 *
 * @param counts `[actual][predicted]`
 */
export function heatMap(
  counts: number[][],
  labels: readonly string[],
  onCell: (actual: number, predicted: number) => void,
): HTMLElement {
  const off = counts.flatMap((row, actual) => row.filter((_, predicted) => predicted !== actual));
  const maxMistakes = Math.max(1, ...off);
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
          : `${labels[actual]} predicted as ${labels[predicted]}: ${count}`,
        onclick: () => onCell(actual, predicted),
      });
      // Mistakes are rare. The square root keeps one of them visible beside a hundred.
      const heat = isRight ? count / Math.max(1, support) : Math.sqrt(count / maxMistakes);
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
    make('caption', { textContent: 'Confusion: select a cell to see its images' }),
    make('thead', {}, head),
    body,
  );
}

/** The model's prediction for a test image. */
export interface Verdict {
  index: number;
  /** Label ids. */
  actual: number;
  predicted: number;
  /** The predicted label's, 0..1. */
  probability: number;
}

/**
 * Reads a version's predictions of all test images. The browser caches the file, which never changes.
 *
 * @throws {Trouble} also if the version has none
 */
export async function readEvaluation({ version, evaluation }: Manifest): Promise<Verdict[]> {
  if (!evaluation) {
    throw new Trouble(
      'no_evaluation',
      'This version has no evaluation',
      'An older trainer published it. For versions published now, their test images are shown here.',
    );
  }
  const { value } = await request<Evaluation>(`models/${version}/${evaluation.path}`);
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
