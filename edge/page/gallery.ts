import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { percent } from './bars.ts';
import { make } from './element.ts';
import type { Verdict } from './heat-map.ts';
import { testImageUrl } from './test-images.ts';

interface Filter {
  /** A label id, or '' for all. */
  actual: string;
  predicted: string;
  result: '' | 'right' | 'wrong';
  order: 'index' | 'mostConfident' | 'leastConfident';
}

const noFilter: Filter = { actual: '', predicted: '', result: '', order: 'index' };

const pageSize = 60;

export interface Gallery {
  element: HTMLElement;
  show(filter: Partial<Filter>): void;
}

/** The test images with their predictions. Each is a link to Try. */
export function gallery(verdicts: Verdict[], { labels, inputShape }: ModelSpec): Gallery {
  const { bar, selects, mistakes } = openFilterBar(labels);
  const count = make('p', { className: 'quiet', role: 'status' });
  const tiles = make('ul', { className: 'tiles' });
  const more = make('button', { type: 'button', textContent: 'Show more', onclick: showMore });
  const heading = make('h3', { textContent: 'Test images', tabIndex: -1 });
  let found: Verdict[] = [];

  function update(): void {
    const { actual, predicted, result, order } = selects;
    found = verdicts.filter(
      (verdict) =>
        (actual.value === '' || verdict.actual === Number(actual.value)) &&
        (predicted.value === '' || verdict.predicted === Number(predicted.value)) &&
        (result.value === '' ||
          (verdict.actual === verdict.predicted) === (result.value === 'right')),
    );
    const sign = order.value === 'mostConfident' ? -1 : 1;
    if (order.value !== 'index') found.sort((a, b) => sign * (a.probability - b.probability));
    count.textContent = `${found.length.toLocaleString('en')} of ${verdicts.length.toLocaleString('en')} images`;
    tiles.replaceChildren();
    showMore();
  }

  function showMore(): void {
    const from = tiles.children.length;
    tiles.append(
      ...found.slice(from, from + pageSize).map((verdict) => tile(verdict, labels, inputShape)),
    );
    more.hidden = tiles.children.length >= found.length;
  }

  function show(filter: Partial<Filter>): void {
    for (const [name, value] of Object.entries({ ...noFilter, ...filter })) {
      selects[name as keyof Filter].value = value;
    }
    update();
    heading.focus({ preventScroll: true });
    heading.scrollIntoView({
      behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
    });
  }

  mistakes.onclick = () => show({ result: 'wrong', order: 'mostConfident' });
  bar.addEventListener('change', update);
  update();
  const element = make('div', { className: 'gallery' }, heading, bar, count, tiles, more);
  return { element, show };
}

function openFilterBar(labels: readonly string[]) {
  const options = labels.map((label, id): [string, string] => [String(id), label]);
  const bar = make('div', { className: 'tools' });
  const select = (name: string, choices: [value: string, textContent: string][]) => {
    const control = make('select');
    control.append(
      ...choices.map(([value, textContent]) => make('option', { value, textContent })),
    );
    bar.append(make('label', { className: 'check' }, name, control));
    return control;
  };
  const selects: Record<keyof Filter, HTMLSelectElement> = {
    actual: select('Label', [['', 'any label'], ...options]),
    predicted: select('Predicted', [['', 'anything'], ...options]),
    result: select('Result', [
      ['', 'right and wrong'],
      ['right', 'right'],
      ['wrong', 'wrong'],
    ]),
    order: select('Order', [
      ['index', 'as in the test set'],
      ['mostConfident', 'most confident first'],
      ['leastConfident', 'least confident first'],
    ]),
  };
  const mistakes = make('button', { type: 'button', textContent: 'Most confident mistakes' });
  bar.append(mistakes);
  return { bar, selects, mistakes };
}

function tile(
  { index, actual, predicted, probability }: Verdict,
  labels: readonly string[],
  inputShape: ModelSpec['inputShape'],
) {
  const [label = '', predictedLabel = ''] = [labels[actual], labels[predicted]];
  const isRight = actual === predicted;
  const image = make('img', {
    src: testImageUrl(index, inputShape, 2),
    loading: 'lazy',
    decoding: 'async',
    alt: `${index}: ${label}`,
  });
  const link = make(
    'a',
    { href: `#/try/${index}` },
    image,
    make('span', { textContent: isRight ? label : `${label} → ${predictedLabel}` }),
    make('small', { textContent: percent(probability, 0) }),
  );
  return make('li', { className: isRight ? 'right' : 'wrong' }, link);
}
