import type { ModelList } from '../../shared/registry/model-list.ts';
import { percent, showBars } from './bars.ts';
import { make } from './element.ts';
import type { Picture } from './pictures.ts';
import { predict, request, troubleOf } from './requests.ts';
import { testImageUrl } from './test-images.ts';
import { troublePanel } from './trouble-panel.ts';
import type { ModelWatch } from './watch-model.ts';

/** Compares two versions or aliases on one image: the one in Try, or any test image. */
export function openCompare(
  content: HTMLElement,
  model: ModelWatch,
  pictureOfTry: () => Picture | null,
): void {
  const sides = [openSide('First model'), openSide('Second model')] as const;
  const chooser = openImageChooser(
    knownPicture() ?? { kind: 'test', index: 0 },
    model,
    (picture) => {
      for (const side of sides) side.show(picture);
    },
  );
  const trouble = make('div');

  /** Both sides need the same image, so a random one that the Worker has not chosen yet does not count. */
  function knownPicture(): Picture | undefined {
    const picture = pictureOfTry();
    return picture?.kind === 'test' && picture.index === null ? undefined : (picture ?? undefined);
  }

  /** @param picture (default: the one that is shown) */
  async function update(picture?: Picture): Promise<void> {
    const { served } = model;
    if (!served) return;
    try {
      const { value } = await request<ModelList>('models');
      trouble.replaceChildren();
      const choices = sides.map(({ select }) => fillOptions(select, value));
      // At first, compare the served version with the one before it.
      if (choices.every((choice) => choice === '')) {
        const other = value.versions.find(({ version }) => version !== served.manifest.version);
        sides[0].select.value = `alias=${served.alias.name}`;
        sides[1].select.value = other ? `version=${other.version}` : sides[0].select.value;
      }
      chooser.show(picture);
    } catch (error) {
      trouble.replaceChildren(troublePanel(troubleOf(error), () => update(picture)));
    }
  }

  addEventListener('view', (event) => {
    if ((event as CustomEvent).detail === 'compare') update(knownPicture());
  });
  let version = '';
  model.listen((served) => {
    if (!served || served.manifest.version === version) return;
    version = served.manifest.version;
    update();
  });
  content.append(
    chooser.element,
    trouble,
    make('div', { className: 'sides' }, ...sides.map(({ element }) => element)),
  );
}

/** The image to compare on, with buttons to step through the test images. */
function openImageChooser(first: Picture, model: ModelWatch, onChoice: (picture: Picture) => void) {
  const image = make('img', { alt: '' });
  const index = make('input', { type: 'number', min: '0', inputMode: 'numeric' });
  let picture = first;
  let objectUrl = '';

  function show(next = picture): void {
    picture = next;
    URL.revokeObjectURL(objectUrl);
    if (next.kind === 'own') objectUrl = URL.createObjectURL(next.blob);
    const inputShape = model.served?.manifest.model.inputShape ?? [28, 28, 1];
    image.src = next.kind === 'own' ? objectUrl : testImageUrl(next.index ?? 0, inputShape, 4);
    image.alt = next.kind === 'own' ? 'Your picture' : `Test image ${next.index}`;
    index.value = next.kind === 'own' ? '' : String(next.index);
    onChoice(next);
  }

  const stepButton = (textContent: string, ariaLabel: string, step: number) =>
    make('button', {
      textContent,
      ariaLabel,
      onclick() {
        const next = picture.kind === 'own' ? 0 : (picture.index ?? 0) + step;
        show({ kind: 'test', index: Math.max(0, next) });
      },
    });
  index.addEventListener('change', () => {
    if (index.value !== '') show({ kind: 'test', index: Number(index.value) });
  });
  const tools = make(
    'div',
    { className: 'tools' },
    stepButton('←', 'Previous test image', -1),
    make('label', { className: 'index' }, 'No.', index),
    stepButton('→', 'Next test image', 1),
  );
  return { element: make('div', { className: 'compared' }, image, tools), show };
}

/** @returns the choice that is kept, or '' */
function fillOptions(select: HTMLSelectElement, { aliases, versions }: ModelList): string {
  const chosen = select.value;
  const group = (label: string, options: [value: string, textContent: string][]) =>
    make(
      'optgroup',
      { label },
      ...options.map(([value, textContent]) => make('option', { value, textContent })),
    );
  select.replaceChildren(
    group(
      'Aliases',
      aliases.map(({ name }) => [`alias=${name}`, name]),
    ),
    group(
      'Versions',
      versions.map(({ version, metrics }) => [
        `version=${version}`,
        `${version}, ${metrics ? percent(metrics.accuracy, 2) : 'invalid'}`,
      ]),
    ),
  );
  if (chosen !== '') select.value = chosen;
  return chosen;
}

/** One of the two models with its answer. */
function openSide(name: string) {
  const select = make('select', { ariaLabel: name });
  const verdict = make('p', { className: 'verdict' });
  const actual = make('p');
  const bars = make('ol', { className: 'bars', ariaLabel: `Probabilities, ${name.toLowerCase()}` });
  const facts = make('p', { className: 'quiet' });
  const trouble = make('div');
  let shown: Picture | null = null;
  let asking = new AbortController();

  async function show(picture = shown): Promise<void> {
    shown = picture;
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    if (!picture) return;
    try {
      const { value, milliseconds } = await predict(picture, signal, select.value);
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
      trouble.replaceChildren(troublePanel(troubleOf(error), () => show()));
    }
  }

  select.addEventListener('change', () => show());
  const parts = [select, trouble, verdict, actual, bars, facts];
  return { element: make('section', { ariaLabel: name }, ...parts), select, show };
}
