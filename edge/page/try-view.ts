import { openAnswerPanel } from './answer-panel.ts';
import { percent } from './bars.ts';
import { openLocalSwitch } from './local-switch.ts';
import { openSources } from './picture-sources.ts';
import type { Picture } from './pictures.ts';
import { type Answer, predict, type Trouble, troubleOf } from './requests.ts';
import type { ModelWatch } from './watch-model.ts';

const retryMilliseconds = 2000;

export interface TryView {
  /** The image on screen, or `null`. */
  picture(): Picture | null;
  /** @param index a test image to show */
  setVisible(isVisible: boolean, index?: number): void;
}

export function openTry(model: ModelWatch): TryView {
  let picture: Picture | null = null;
  let asking = new AbortController();
  let retryTimer = 0;
  const panel = openAnswerPanel();
  const local = openLocalSwitch(model, askAgain);
  const sources = openSources({
    inputSize() {
      const [height, width] = model.served?.manifest.model.inputShape ?? [28, 28];
      return [height, width];
    },
    show(next) {
      picture = next;
      return ask(next);
    },
    clear(kicker) {
      asking.abort();
      picture = null;
      panel.clear(kicker);
      panel.setBusy(false);
    },
    showError: (error) => showTrouble(troubleOf(error)),
  });

  function askAgain(): void {
    if (picture) ask(picture);
  }

  /** Aborts the previous request: only the newest picture counts. */
  async function ask(asked: Picture): Promise<void> {
    asking.abort();
    clearTimeout(retryTimer);
    asking = new AbortController();
    const { signal } = asking;
    panel.setBusy(true);
    const answer = await askWorker(asked, signal);
    if (signal.aborted) return;
    panel.setBusy(false);
    if (answer) await showInput(answer, signal);
    await askLocalModel(asked, answer, signal);
  }

  async function askWorker(asked: Picture, signal: AbortSignal): Promise<Answer | null> {
    try {
      const { value, milliseconds } = await predict(asked, signal);
      if (signal.aborted) return null;
      const { predicted, index, actual } = value;
      panel.hideTrouble();
      panel.showPrediction(value);
      panel.showWorker(
        `${predicted.label}, ${percent(predicted.probability)}`,
        `${milliseconds.toFixed(0)} ms round trip`,
        value.model.version,
      );
      if (index !== undefined) {
        picture = { kind: 'test', index };
        await sources.showTestImage(index, actual?.label ?? '');
      }
      return value;
    } catch (error) {
      if (signal.aborted) return null;
      const trouble = troubleOf(error);
      showTrouble(trouble);
      panel.showWorker(trouble.title, '');
      if (trouble.isTemporary) retryTimer = setTimeout(() => ask(asked), retryMilliseconds);
      return null;
    }
  }

  async function showInput({ input, index }: Answer, signal: AbortSignal): Promise<void> {
    const { served } = model;
    if (!served || !picture) return;
    await panel.showInput(picture, input ?? `images/${index}.png`, served.manifest, signal);
  }

  async function askLocalModel(asked: Picture, answer: Answer | null, signal: AbortSignal) {
    const index = asked.kind === 'test' ? (answer?.index ?? asked.index) : null;
    if (!local.isOn || (asked.kind === 'test' && index === null)) return;
    try {
      const blob =
        asked.kind === 'own'
          ? asked.blob
          : await (await fetch(`images/${index}.png`, { signal })).blob();
      const prediction = await local.answer(blob, answer, signal);
      // Without a network connection, only this browser answers.
      if (prediction && !answer) panel.showPrediction(prediction);
    } catch (error) {
      if (!signal.aborted) console.warn(error);
    }
  }

  function showTrouble(trouble: Trouble): void {
    // While there is no model, the top of the page says so.
    if (model.trouble?.code === trouble.code) panel.hideTrouble();
    else panel.showTrouble(trouble, askAgain);
  }

  addEventListener('online', askAgain);
  let version = '';
  model.listen((served) => {
    const next = served?.manifest.version ?? version;
    if (!served || next === version) return;
    const isFirst = version === '';
    version = next;
    const [height, width] = served.manifest.model.inputShape;
    sources.resize(height, width);
    // The answer on screen is that of another model.
    if (picture) askAgain();
    else if (isFirst && sources.current === 'test') sources.choose('test');
  });

  return {
    picture: () => picture,
    setVisible(isVisible, index) {
      if (isVisible && Number.isInteger(index))
        return void sources.chooseTestImage(index as number);
      sources.setVisible(isVisible);
      if (isVisible) return;
      asking.abort();
      clearTimeout(retryTimer);
    },
  };
}
