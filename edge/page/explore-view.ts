import type { Manifest } from '../../shared/registry/manifest.ts';
import { percent } from './bars.ts';
import { curves } from './chart.ts';
import { make, scrollRegion, tableRow } from './element.ts';
import { gallery } from './gallery.ts';
import { heatMap, readEvaluation } from './heat-map.ts';
import { troubleOf } from './requests.ts';
import { troublePanel } from './trouble-panel.ts';
import type { ModelWatch } from './watch-model.ts';

/** The evaluation of the version that is served. */
export function openExplore(content: HTMLElement, model: ModelWatch): void {
  let version = '';
  model.listen((served) => {
    if (!served || served.manifest.version === version) return;
    version = served.manifest.version;
    draw(content, served.manifest);
  });
}

function draw(content: HTMLElement, manifest: Manifest): void {
  const { metrics, model, training, dataset } = manifest;
  const images = metrics.perClass.reduce((sum, { support }) => sum + support, 0);
  const figures = make(
    'dl',
    { className: 'figures' },
    figure('Accuracy', percent(metrics.accuracy, 2)),
    figure('Loss', metrics.loss.toFixed(4)),
    figure('Test images', images.toLocaleString('en')),
    figure('Epochs', `${training.epoch} of ${training.epochs}`),
    figure('Recipe', training.recipe),
    figure('Data', dataset.name),
  );
  const pictures = make('div', { className: 'pictures' });
  let showCell = (_actual: number, _predicted: number) => {};
  const matrix = heatMap(metrics.confusion, model.labels, (actual, predicted) =>
    showCell(actual, predicted),
  );
  const charts = training.history?.length
    ? [make('div', { className: 'charts' }, ...curves(training.history, training.epochs))]
    : [];
  const parts =
    metrics.perClass.length > 0
      ? [scrollRegion('Confusion', matrix), scrollRegion('Scores', scores(metrics))]
      : [];
  content.replaceChildren(
    figures,
    ...charts,
    make('div', { className: 'pair' }, ...parts),
    pictures,
  );

  async function load(): Promise<void> {
    pictures.replaceChildren(make('p', { className: 'quiet', textContent: 'Loading …' }));
    try {
      const found = gallery(await readEvaluation(manifest), model);
      pictures.replaceChildren(found.element);
      showCell = (actual, predicted) =>
        found.show({
          actual: String(actual),
          predicted: String(predicted),
          order: 'mostConfident',
        });
    } catch (error) {
      pictures.replaceChildren(troublePanel(troubleOf(error), load));
    }
  }
  load();
}

const figure = (name: string, value: string) =>
  make('div', {}, make('dt', { textContent: name }), make('dd', { textContent: value }));

function scores({ perClass }: Manifest['metrics']): HTMLElement {
  const rows = perClass.map(({ label, precision, recall, f1, support }) => {
    const values = [percent(precision), percent(recall), percent(f1), support.toLocaleString('en')];
    const row = tableRow('td', values);
    row.prepend(make('th', { scope: 'row', textContent: label }));
    return row;
  });
  return make(
    'table',
    {},
    make('caption', { textContent: 'Scores by label' }),
    make('thead', {}, tableRow('th', ['Label', 'Precision', 'Recall', 'F1', 'Images'])),
    make('tbody', {}, ...rows),
  );
}
