import type { Manifest } from '../../shared/registry/manifest.ts';
import { percent, showBars } from './bars.ts';
import { element, rasterize } from './element.ts';
import type { Picture } from './pictures.ts';
import type { Answer, Trouble } from './requests.ts';
import { needsFile, openSnippetPanel, snippetsFor } from './snippets.ts';
import { troublePanel } from './trouble-panel.ts';

/** Delay of the text for screen readers, which otherwise comments a drawing stroke by stroke. */
const speakMilliseconds = 800;

const setText = (id: string, text: string) => {
  element(id, HTMLElement).textContent = text;
};

export type AnswerPanel = ReturnType<typeof openAnswerPanel>;

/** The right half of Try: the prediction, its probabilities, the network's input and snippets. */
export function openAnswerPanel() {
  const panel = element('answer', HTMLElement);
  const bars = element('bars', HTMLElement);
  const seen = element('seen', HTMLImageElement);
  const caption = element('seen-caption', HTMLElement);
  const snippets = element('snippets', HTMLDetailsElement);
  const showSnippets = openSnippetPanel();
  let speakTimer = 0;

  const hideTrouble = () => panel.querySelector('.trouble')?.remove();

  /** A non-breaking space keeps the line's height. */
  function clearVerdict(): void {
    for (const id of ['verdict', 'actual']) setText(id, '\u00a0');
  }

  return {
    setBusy(isBusy: boolean): void {
      panel.ariaBusy = String(isBusy);
    },
    /** Removes the answer. */
    clear(kicker: string): void {
      panel.ariaBusy = 'false';
      setText('kicker', kicker);
      clearVerdict();
      for (const id of ['worker-text', 'worker-time', 'worker-version', 'local-text', 'local-time'])
        setText(id, '');
      bars.replaceChildren();
      seen.hidden = caption.hidden = snippets.hidden = true;
      hideTrouble();
    },
    showPrediction({ predicted, probabilities, actual, correct }: Omit<Answer, 'model'>): void {
      setText('kicker', 'Predicted');
      setText('verdict', predicted.label);
      setText('actual', actual ? `Actual: ${actual.label}` : percent(predicted.probability));
      element('actual', HTMLElement).className =
        correct === undefined ? '' : correct ? 'right' : 'wrong';
      showBars(bars, { predicted, probabilities });
      clearTimeout(speakTimer);
      const truth = actual ? `, actual ${actual.label}` : '';
      const spoken = `Predicted ${predicted.label}, ${percent(predicted.probability, 0)}${truth}.`;
      speakTimer = setTimeout(() => setText('spoken', spoken), speakMilliseconds);
    },
    showWorker(text: string, time: string, version?: string): void {
      setText('worker-text', text);
      setText('worker-time', time);
      if (version) setText('worker-version', version);
    },
    showTrouble(trouble: Trouble, retry: () => void): void {
      hideTrouble();
      panel.prepend(troublePanel(trouble, retry));
      if (!trouble.isTemporary) bars.replaceChildren();
      clearVerdict();
    },
    hideTrouble,
    /**
     * Shows the image as the network saw it, and programs that send the same request.
     *
     * @param url of the network's input. A data URL if the Worker returned it
     */
    async showInput(
      picture: Picture,
      url: string,
      manifest: Manifest,
      signal: AbortSignal,
    ): Promise<void> {
      seen.src = url;
      if (!(await isDecoded(seen)) || signal.aborted) return;
      const { naturalWidth: width, naturalHeight: height } = seen;
      seen.hidden = caption.hidden = false;
      seen.alt = `What the network saw, ${width} by ${height} pixels`;
      const save = element('save', HTMLAnchorElement);
      save.hidden = !needsFile(picture, url);
      if (!save.hidden) save.href = url;
      const pixels = pixelsOf(seen, manifest.model.inputShape[2]);
      const base = new URL('.', document.baseURI).href.replace(/\/$/, '');
      showSnippets(snippetsFor(base, picture, url, pixels, manifest));
      snippets.hidden = false;
    },
  };
}

const isDecoded = (image: HTMLImageElement) =>
  image.decode().then(
    () => true,
    () => false,
  );

/** Returns red, green and blue of each pixel, or only red if the image is grey. */
function pixelsOf(image: HTMLImageElement, channels: number) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const { data } = rasterize(image, width, height).getImageData(0, 0, width, height);
  return data.filter((_, i) => i % 4 < channels);
}
