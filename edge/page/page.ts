import { percent } from './bars.ts';
import { element, make } from './element.ts';
import type { Trouble } from './requests.ts';
import { troublePanel } from './trouble-panel.ts';
import { openTry } from './try-view.ts';
import { type ServedVersion, watchModel } from './watch-model.ts';

const views = ['try', 'explore', 'training', 'compare'] as const;
type View = (typeof views)[number];

const model = watchModel();
const tryView = openTry(model);
/** Views are loaded when they are first shown. */
const opened = new Map<View, Promise<void>>();

async function open(view: View): Promise<void> {
  if (view === 'try') return;
  const content = element(`${view}-content`, HTMLElement);
  if (view === 'explore') (await import('./explore-view.ts')).openExplore(content, model);
  else if (view === 'training')
    (await import('./training-view.ts')).openTraining(content, model, tryView.picture);
  else (await import('./compare-view.ts')).openCompare(content, model, tryView.picture);
}

/** Shows a view: `#/try/12` is test image 12, `#/explore` another view. The slash prevents scrolling to the element of that id. */
function route(isFirst = false): void {
  const [name, detail] = location.hash.slice(2).split('/');
  const view = views.find((view) => view === name) ?? 'try';
  for (const other of views) element(other, HTMLElement).hidden = other !== view;
  for (const link of document.querySelectorAll('nav a')) {
    const isCurrent = link.getAttribute('href') === `#/${view}`;
    link.ariaCurrent = isCurrent ? 'page' : null;
  }
  document.title =
    view === 'try' ? 'Catwalk' : `${element(`${view}-title`, HTMLElement).textContent} · Catwalk`;
  if (!opened.has(view)) {
    const opening = open(view);
    opened.set(view, opening);
    // If the code does not load, the next visit of the view tries again.
    opening.catch(() => opened.delete(view));
  }
  dispatchEvent(new CustomEvent('view', { detail: view }));
  tryView.setVisible(view === 'try', detail === undefined ? undefined : Number(detail));
  if (isFirst) return;
  scrollTo(0, 0);
  element(`${view}-title`, HTMLElement).focus({ preventScroll: true });
}

let announced = '';

function showServed(served: ServedVersion | null, trouble: Trouble | null): void {
  const line = element('served', HTMLElement);
  const panel = element('trouble', HTMLElement);
  line.replaceChildren();
  panel.replaceChildren();
  if (served) {
    const { manifest, alias, source } = served;
    line.append(
      make('span', { className: trouble ? 'dot off' : 'dot', ariaHidden: 'true' }),
      make('b', { textContent: alias.name }),
      ' ',
      make('code', { textContent: manifest.version }),
      ` ${percent(manifest.metrics.accuracy)}`,
    );
    if (source === 'snapshot') {
      const title =
        'The bucket has no model, or does not answer: this one came with the deployment.';
      line.append(' · ', make('abbr', { textContent: 'snapshot', title }));
    }
    const { version } = manifest;
    if (announced !== '' && announced !== version) {
      element('arrival', HTMLElement).textContent =
        `A new version arrived: ${version}, ${percent(manifest.metrics.accuracy)} accurate.`;
    }
    announced = version;
  }
  document.body.classList.toggle('waiting', !served);
  if (trouble) panel.append(troublePanel(trouble, () => model.poll()));
}

model.listen(showServed);
// Without the list, the page shows one model.
import('./model-switch.ts').then(({ openModelSwitch }) => openModelSwitch()).catch(() => {});
addEventListener('hashchange', () => {
  // Other anchors, such as the skip link's, are within a view.
  if (/^(#\/.*)?$/.test(location.hash)) route();
});
route(true);
model.poll();
