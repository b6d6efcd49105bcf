import type { ModelList } from '../../shared/registry/model-list.ts';
import { percent, showBars } from './bars.ts';
import { make } from './element.ts';
import type { Picture } from './pictures.ts';
import { predict, request, troubleOf } from './requests.ts';
import { troublePanel } from './trouble-panel.ts';
import type { ModelWatch } from './watch-model.ts';

interface Side {
  element: HTMLElement;
  /** `alias=…` or `version=…` */
  select: HTMLSelectElement;
  ask(picture: Picture): Promise<void>;
}

/** Compares two versions or aliases on one image: the one in Try, or any test image. */
export function openCompare(
  content: HTMLElement,
  model: ModelWatch,
  pictureOfTry: () => Picture | null,
): void {
  const image = make('img', { alt: '' });
  const index = make('input', { type: 'number', min: '0', inputMode: 'numeric' });
  const previous = make('button', { textContent: '←', ariaLabel: 'Previous test image' });
  const next = make('button', { textContent: '→', ariaLabel: 'Next test image' });
  const sides = [openSide('First model', () => picture), openSide('Second model', () => picture)];
  const trouble = make('div');
  let picture = chosenPicture();
  let objectUrl = '';

  /** Both sides need the same image, so a random one that the Worker has not chosen yet does not count. */
  function chosenPicture(otherwise: Picture = { kind: 'test', index: 0 }): Picture {
    const tried = pictureOfTry();
    return tried && !(tried.kind === 'test' && tried.index === null) ? tried : otherwise;
  }

  function show(shown: Picture): void {
    picture = shown;
    URL.revokeObjectURL(objectUrl);
    if (shown.kind === 'own') objectUrl = URL.createObjectURL(shown.blob);
    image.src = shown.kind === 'own' ? objectUrl : `images/${shown.index}.png?scale=4`;
    image.alt = shown.kind === 'own' ? 'Your picture' : `Test image ${shown.index}`;
    index.value = shown.kind === 'test' ? String(shown.index) : '';
    for (const side of sides) side.ask(shown);
  }

  async function list(): Promise<void> {
    // The served version is one of the two, so the list has to wait for it.
    if (!model.served) return;
    try {
      const { value } = await request<ModelList>('models');
      trouble.replaceChildren();
      const choices = sides.map(({ select }) => fill(select, value));
      // At first, compare the served version with the one before it.
      const [first, second] = sides as [Side, Side];
      if (choices.every((choice) => choice === '')) {
        first.select.value = `alias=${model.served.alias.name}`;
        const other = value.versions.find(
          ({ version }) => version !== model.served?.manifest.version,
        );
        second.select.value = other ? `version=${other.version}` : first.select.value;
      }
      show(picture);
    } catch (error) {
      trouble.replaceChildren(troublePanel(troubleOf(error), list));
    }
  }

  const step = (by: number) => () => {
    const from = picture.kind === 'test' ? (picture.index ?? 0) : -by;
    show({ kind: 'test', index: Math.max(0, from + by) });
  };
  previous.addEventListener('click', step(-1));
  next.addEventListener('click', step(1));
  index.addEventListener('change', () => {
    if (index.value !== '') show({ kind: 'test', index: Number(index.value) });
  });
  // Try may have another picture by now.
  addEventListener('view', (event) => {
    if ((event as CustomEvent).detail !== 'compare') return;
    picture = chosenPicture(picture);
    list();
  });
  let version = '';
  model.listen((served) => {
    if (!served || served.manifest.version === version) return;
    version = served.manifest.version;
    list();
  });
  content.append(
    make(
      'div',
      { className: 'compared' },
      image,
      make(
        'div',
        { className: 'tools' },
        previous,
        make('label', { className: 'index' }, 'No.', index),
        next,
      ),
    ),
    trouble,
    make('div', { className: 'sides' }, ...sides.map(({ element }) => element)),
  );
}

/** @returns the choice that is kept, or '' */
function fill(select: HTMLSelectElement, { aliases, versions }: ModelList): string {
  const chosen = select.value;
  const option = (value: string, textContent: string) => make('option', { value, textContent });
  select.replaceChildren(
    make(
      'optgroup',
      { label: 'Aliases' },
      ...aliases.map(({ name }) => option(`alias=${name}`, name)),
    ),
    make(
      'optgroup',
      { label: 'Versions' },
      ...versions.map(({ version, metrics }) =>
        option(
          `version=${version}`,
          metrics ? `${version}, ${percent(metrics.accuracy, 2)}` : `${version}, invalid`,
        ),
      ),
    ),
  );
  if (chosen !== '') select.value = chosen;
  return chosen;
}

function openSide(name: string, picture: () => Picture): Side {
  const select = make('select', { ariaLabel: name });
  const verdict = make('p', { className: 'verdict' });
  const actual = make('p');
  const bars = make('ol', { className: 'bars', ariaLabel: `Probabilities, ${name.toLowerCase()}` });
  const facts = make('p', { className: 'quiet' });
  const trouble = make('div');
  const element = make(
    'section',
    { ariaLabel: name },
    select,
    trouble,
    verdict,
    actual,
    bars,
    facts,
  );
  let asking = new AbortController();

  async function askFor(asked: Picture): Promise<void> {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const { value, milliseconds } = await predict(asked, signal, select.value);
      if (signal.aborted) return;
      trouble.replaceChildren();
      verdict.textContent = value.predicted.label;
      actual.textContent = value.actual ? `Actual: ${value.actual.label}` : '';
      actual.className = value.correct === undefined ? '' : value.correct ? 'right' : 'wrong';
      showBars(bars, value);
      facts.textContent = `${value.model.version}, ${milliseconds.toFixed(0)} ms round trip`;
    } catch (error) {
      if (signal.aborted) return;
      verdict.textContent = actual.textContent = facts.textContent = '';
      bars.replaceChildren();
      trouble.replaceChildren(troublePanel(troubleOf(error), () => askFor(picture())));
    }
  }

  select.addEventListener('change', () => askFor(picture()));
  return { element, select, ask: askFor };
}
