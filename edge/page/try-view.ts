import { type AnswerPanel, openAnswerPanel } from './answer-panel.ts';
import { percent } from './bars.ts';
import { openCropMark } from './crop-mark.ts';
import { type LocalSwitch, openLocalSwitch } from './local-switch.ts';
import { openSources } from './picture-sources.ts';
import type { Picture } from './pictures.ts';
import { type Answer, predict, type Trouble, troubleOf, withModel } from './requests.ts';
import { seesPhotos } from './test-images.ts';
import type { ModelWatch } from './watch-model.ts';

const retryMilliseconds = 2000;

export interface TryView {
  /** The image on screen, or `null`. */
  picture(): Picture | null;
  /** @param index a test image to show */
  setVisible(isVisible: boolean, index?: number): void;
}

/** The view with one picture and its answer: sources → predictions → answer panel. */
export function openTry(model: ModelWatch): TryView {
  const panel = openAnswerPanel();
  const cropMark = openCropMark();
  const predictions = openPredictions(model, panel, cropMark, (index, label) =>
    sources.showTestImage(index, label),
  );
  const sources = openSources({
    inputShape: () => model.served?.manifest.model.inputShape ?? [28, 28, 1],
    show: predictions.show,
    clear(kicker) {
      predictions.stop();
      predictions.picture = null;
      cropMark.hide();
      panel.clear(kicker);
    },
    showError: (error) => predictions.showTrouble(troubleOf(error)),
  });

  addEventListener('online', predictions.repeat);
  let version = '';
  model.listen((served) => {
    if (!served || served.manifest.version === version) return;
    const isFirst = version === '';
    version = served.manifest.version;
    const { inputShape } = served.manifest.model;
    sources.resize(...inputShape);
    document.body.classList.toggle('photos', seesPhotos(inputShape));
    // The answer on screen is that of another model.
    if (predictions.picture) predictions.repeat();
    else if (isFirst && sources.current === 'test') sources.choose('test');
  });

  return {
    picture: () => predictions.picture,
    setVisible(isVisible, index) {
      if (isVisible && Number.isInteger(index))
        return void sources.chooseTestImage(index as number);
      sources.setVisible(isVisible);
      if (!isVisible) predictions.stop();
    },
  };
}

const isCamera = (picture: Picture | null) =>
  picture?.kind === 'own' && picture.origin === 'camera';

/** Has the Worker, and on request this browser, predict the picture on screen. */
function openPredictions(
  model: ModelWatch,
  panel: AnswerPanel,
  cropMark: ReturnType<typeof openCropMark>,
  showTestImage: (index: number, label: string) => Promise<void>,
) {
  let asking = new AbortController();
  let retryTimer = 0;
  const local = openLocalSwitch(model, repeat);
  const view = { picture: null as Picture | null, show, repeat, stop, showTrouble };

  function stop(): void {
    asking.abort();
    clearTimeout(retryTimer);
  }

  function repeat(): void {
    if (view.picture) show(view.picture);
  }

  /** Aborts the previous request: only the newest picture counts. */
  async function show(picture: Picture): Promise<void> {
    const isNextFrame = isCamera(picture) && isCamera(view.picture);
    if (!isNextFrame) cropMark.hide();
    view.picture = picture;
    stop();
    asking = new AbortController();
    const { signal } = asking;
    panel.setBusy(true);
    const answer = await askWorker(picture, signal);
    if (signal.aborted) return;
    panel.setBusy(false);
    const manifest = model.served?.manifest;
    const shown = view.picture;
    const size = picture.kind === 'own' ? picture.size : undefined;
    if (answer?.crop && size) cropMark.show(answer.crop, size);
    else cropMark.hide();
    if (answer && manifest) {
      const input = answer.input ?? withModel(`images/${answer.index}.png`);
      await panel.showInput(shown, input, manifest, signal);
      if (signal.aborted) return;
    }
    await askLocalModel(local, shown, answer, panel, signal);
  }

  async function askWorker(picture: Picture, signal: AbortSignal): Promise<Answer | null> {
    try {
      const { value, milliseconds } = await predict(picture, signal);
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
        view.picture = { kind: 'test', index };
        await showTestImage(index, actual?.label ?? '');
      }
      return value;
    } catch (error) {
      if (signal.aborted) return null;
      const trouble = troubleOf(error);
      showTrouble(trouble);
      panel.showWorker(trouble.title, '');
      if (trouble.isTemporary) retryTimer = setTimeout(() => show(picture), retryMilliseconds);
      return null;
    }
  }

  function showTrouble(trouble: Trouble): void {
    // While there is no model, the top of the page says so.
    if (model.trouble?.code === trouble.code) panel.hideTrouble();
    else panel.showTrouble(trouble, repeat);
  }

  return view;
}

async function askLocalModel(
  local: LocalSwitch,
  picture: Picture,
  answer: Answer | null,
  panel: AnswerPanel,
  signal: AbortSignal,
): Promise<void> {
  if (!local.isOn || (picture.kind === 'test' && picture.index === null)) return;
  try {
    const blob =
      picture.kind === 'own'
        ? picture.blob
        : await (await fetch(withModel(`images/${picture.index}.png`), { signal })).blob();
    const prediction = await local.answer(blob, answer, signal);
    // Without a network connection, only this browser answers.
    if (prediction && !answer) panel.showPrediction(prediction);
  } catch (error) {
    if (!signal.aborted) console.warn(error);
  }
}
