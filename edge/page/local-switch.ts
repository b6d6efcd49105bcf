import type { Prediction } from '../../shared/model/prediction.ts';
import { percent } from './bars.ts';
import { element } from './element.ts';
import type { LocalModel } from './local-model.ts';
import { type Answer, troubleOf } from './requests.ts';
import type { ModelWatch } from './watch-model.ts';

export interface LocalSwitch {
  readonly isOn: boolean;
  /** Predicts the picture in this browser, and shows how far it differs from the Worker's answer. */
  answer(picture: Blob, worker: Answer | null, signal: AbortSignal): Promise<Prediction | null>;
}

/** The switch that runs the published model in this browser. Code and weights are loaded on first use. */
export function openLocalSwitch(model: ModelWatch, onSwitch: () => void): LocalSwitch {
  const input = element('local', HTMLInputElement);
  const select = element('backend', HTMLSelectElement);
  const row = element('local-answer', HTMLElement);
  const text = element('local-text', HTMLElement);
  const time = element('local-time', HTMLElement);
  let opened: { key: string; local: Promise<LocalModel> } | null = null;

  function open(): Promise<LocalModel> | null {
    const { served } = model;
    if (!served) return null;
    const key = `${served.manifest.version} ${select.value}`;
    if (opened?.key === key) return opened.local;
    const before = opened?.local;
    const local = import('./local-model.ts').then(async ({ openLocalModel }) => {
      // One at a time: TensorFlow.js abandons a backend that is still starting if another one is requested.
      const previous = await before?.catch(() => null);
      try {
        return await openLocalModel(served.manifest, select.value);
      } finally {
        previous?.dispose();
      }
    });
    opened = { key, local };
    local.catch(() => {
      if (opened?.local === local) opened = null;
    });
    return local;
  }

  for (const control of [input, select]) {
    control.addEventListener('change', () => {
      row.hidden = !input.checked;
      element('backend-choice', HTMLElement).hidden = !input.checked;
      onSwitch();
    });
  }

  return {
    get isOn() {
      return input.checked;
    },
    async answer(picture, worker, signal) {
      try {
        const loading = open();
        if (!loading) return null;
        if (text.textContent === '') text.textContent = 'Loading TensorFlow.js and the weights …';
        const local = await loading;
        const { prediction, milliseconds } = await local.predict(picture);
        if (signal.aborted) return null;
        const { label, probability } = prediction.predicted;
        text.textContent = `${label}, ${percent(probability)}`;
        time.textContent = `${milliseconds.toFixed(1)} ms on ${local.backend}${differenceText(prediction, worker)}`;
        return prediction;
      } catch (error) {
        if (signal.aborted) return null;
        const { title, message } = troubleOf(error);
        text.textContent = title;
        time.textContent = message;
        return null;
      }
    },
  };
}

/** The largest difference of a probability between the two answers. */
function differenceText(local: Prediction, worker: Answer | null): string {
  if (!worker) return '';
  const difference = local.probabilities.reduce(
    (max, { probability }, i) =>
      Math.max(max, Math.abs(probability - (worker.probabilities[i]?.probability ?? 0))),
    0,
  );
  return difference < 1e-4 ? '; the same to 0.01 %' : `; up to ${percent(difference, 2)} apart`;
}
