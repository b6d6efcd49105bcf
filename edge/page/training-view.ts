import type { TrainingEpoch } from '../../shared/registry/manifest.ts';
import { percent } from './bars.ts';
import { curves } from './chart.ts';
import { make, scrollRegion, tableRow } from './element.ts';
import type { Picture } from './pictures.ts';
import { troubleOf } from './requests.ts';
import { troublePanel } from './trouble-panel.ts';
import type { ModelWatch, ServedVersion } from './watch-model.ts';

/** If an epoch takes this many times longer than the average, the training has stopped. */
const patience = 3;
const minPatienceSeconds = 60;

/** The training, which may publish every epoch, the versions that arrived while the page was open, and fine-tuning. */
export function openTraining(
  content: HTMLElement,
  model: ModelWatch,
  pictureOfTry: () => Picture | null,
): void {
  const state = make('p', { className: 'lead' });
  const facts = make('p', { className: 'quiet' });
  const charts = make('div', { className: 'charts' });
  const epochs = make('tbody');
  const arrivals = make('ol', { className: 'arrivals' });
  const fineTuning = make('section');
  fineTuning.setAttribute('aria-labelledby', 'fine-tune-title');
  const table = make(
    'table',
    {},
    make('caption', { textContent: 'Epochs' }),
    make(
      'thead',
      {},
      tableRow('th', ['Epoch', 'Accuracy', 'Test loss', 'Training loss', 'Seconds']),
    ),
    epochs,
  );
  content.append(
    state,
    facts,
    charts,
    scrollRegion('Epochs', table),
    make('h3', { textContent: 'Versions since you opened this page' }),
    arrivals,
    fineTuning,
  );
  loadFineTune();
  let version = '';
  let timer = 0;

  async function loadFineTune(): Promise<void> {
    fineTuning.replaceChildren();
    try {
      (await import('./fine-tune-view.ts')).openFineTune(fineTuning, model, pictureOfTry);
    } catch (error) {
      fineTuning.append(troublePanel(troubleOf(error), loadFineTune));
    }
  }

  function show(served: ServedVersion): void {
    const { training, createdAt, metrics } = served.manifest;
    const { history = [], epoch } = training;
    showState();
    facts.textContent = `Recipe ${training.recipe}, ${training.optimizer}, batches of ${training.batchSize}, seed ${training.seed}; ${training.backend} on ${training.device}, ${Math.round(training.imagesPerSecond).toLocaleString('en')} images/s.`;
    if (history.length > 0) {
      charts.replaceChildren(...curves(history, training.epochs));
      epochs.replaceChildren(...history.map(epochRow));
    } else {
      const textContent =
        epoch === 0
          ? 'These weights were imported, not trained by Catwalk.'
          : 'This version has no training curve, because an older trainer published it.';
      charts.replaceChildren(make('p', { textContent }));
      epochs.replaceChildren();
    }
    table.hidden = history.length === 0;
    if (served.manifest.version === version) return;
    version = served.manifest.version;
    const textContent = new Date(createdAt).toLocaleTimeString();
    const time = make('time', { dateTime: createdAt, textContent });
    const code = make('code', { textContent: version });
    const text = ` epoch ${epoch} of ${training.epochs}, ${percent(metrics.accuracy, 2)}`;
    arrivals.prepend(make('li', {}, time, ' ', code, text));
  }

  function showState(): void {
    clearTimeout(timer);
    const { served } = model;
    if (!served) return;
    const { training, createdAt } = served.manifest;
    const { history = [], epoch } = training;
    const lastEpoch = history.at(-1)?.epoch ?? epoch;
    const waited = (Date.now() - Date.parse(createdAt)) / 1000;
    const expected = patience * (training.seconds / Math.max(1, epoch));
    const isUnderWay =
      lastEpoch < training.epochs && waited < Math.max(minPatienceSeconds, expected);
    state.textContent = isUnderWay
      ? `Training: epoch ${lastEpoch} of ${training.epochs} is served. The next one will appear here.`
      : `Epoch ${epoch} of ${training.epochs} is served.`;
    state.classList.toggle('live', isUnderWay);
    if (isUnderWay) timer = setTimeout(showState, 5000);
  }

  model.listen((served) => {
    if (served) show(served);
  });
}

const epochRow = ({ epoch, accuracy, loss, trainLoss, seconds }: TrainingEpoch) =>
  tableRow('td', [
    String(epoch),
    percent(accuracy, 2),
    loss.toFixed(4),
    trainLoss?.toFixed(4) ?? '–',
    seconds.toFixed(0),
  ]);
