import { percent } from './bars.ts';
import { make } from './element.ts';
import type { Verdict } from './heat-map.ts';

export interface Filter {
  /** A label id, or '' for all. */
  actual: string;
  predicted: string;
  result: '' | 'right' | 'wrong';
  order: 'index' | 'mostConfident' | 'leastConfident';
}

const noFilter: Filter = { actual: '', predicted: '', result: '', order: 'index' };
const mistakes: Filter = { ...noFilter, result: 'wrong', order: 'mostConfident' };

const pageSize = 60;

export interface Gallery {
  element: HTMLElement;
  show(filter: Partial<Filter>): void;
}

/** The test images with their predictions. Each is a link to Try. */
export function gallery(verdicts: Verdict[], labels: readonly string[]): Gallery {
  const options = labels.map((label, id) => [String(id), label] as const);
  const controls = {
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
  const count = make('p', { className: 'quiet', role: 'status' });
  const tiles = make('ul', { className: 'tiles' });
  const more = make('button', { type: 'button', textContent: 'Show more' });
  const confident = make('button', { type: 'button', textContent: 'Most confident mistakes' });
  const heading = make('h3', { textContent: 'Test images', tabIndex: -1 });
  let found: Verdict[] = [];

  function read(): Filter {
    const { actual, predicted, result, order } = controls;
    return {
      actual: actual.control.value,
      predicted: predicted.control.value,
      result: result.control.value as Filter['result'],
      order: order.control.value as Filter['order'],
    };
  }

  function filter(): void {
    const { actual, predicted, result, order } = read();
    found = verdicts.filter(
      (verdict) =>
        (actual === '' || verdict.actual === Number(actual)) &&
        (predicted === '' || verdict.predicted === Number(predicted)) &&
        (result === '' || (verdict.actual === verdict.predicted) === (result === 'right')),
    );
    const sign = order === 'mostConfident' ? -1 : 1;
    if (order !== 'index') found.sort((a, b) => sign * (a.probability - b.probability));
    count.textContent = `${found.length.toLocaleString('en')} of ${verdicts.length.toLocaleString('en')} images`;
    tiles.replaceChildren();
    showMore();
  }

  function showMore(): void {
    const from = tiles.children.length;
    tiles.append(...found.slice(from, from + pageSize).map(tile));
    more.hidden = tiles.children.length >= found.length;
  }

  function tile({ index, actual, predicted, probability }: Verdict): HTMLElement {
    const [is, taken] = [labels[actual] ?? '', labels[predicted] ?? ''];
    const isRight = actual === predicted;
    const image = make('img', {
      src: `images/${index}.png?scale=2`,
      loading: 'lazy',
      decoding: 'async',
      alt: `${index}: ${is}`,
    });
    const text = isRight ? is : `${is} → ${taken}`;
    return make(
      'li',
      { className: isRight ? 'right' : 'wrong' },
      make(
        'a',
        { href: `#/try/${index}` },
        image,
        make('span', { textContent: text }),
        make('small', { textContent: percent(probability, 0) }),
      ),
    );
  }

  function show(filter_: Partial<Filter>): void {
    for (const [name, value] of Object.entries({ ...noFilter, ...filter_ })) {
      controls[name as keyof Filter].control.value = value;
    }
    filter();
    heading.focus({ preventScroll: true });
    heading.scrollIntoView({
      behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
    });
  }

  more.addEventListener('click', showMore);
  confident.addEventListener('click', () => show(mistakes));
  const bar = make(
    'div',
    { className: 'tools' },
    ...Object.values(controls).map(({ label }) => label),
    confident,
  );
  bar.addEventListener('change', filter);
  filter();
  return {
    element: make('div', { className: 'gallery' }, heading, bar, count, tiles, more),
    show,
  };
}

function select(name: string, options: (readonly [string, string])[]) {
  const control = make('select');
  control.append(...options.map(([value, textContent]) => make('option', { value, textContent })));
  return { control, label: make('label', { className: 'check' }, name, control) };
}
