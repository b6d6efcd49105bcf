import type { Manifest } from '../../shared/registry/manifest.ts';
import { percent, showBars } from './bars.ts';
import { element, rasterize } from './element.ts';
import type { Picture } from './pictures.ts';
import type { Answer, Trouble } from './requests.ts';
import { needsFile, openSnippetPanel, snippetsFor } from './snippets.ts';
import { troublePanel } from './trouble-panel.ts';

/** Delay of the text for screen readers, which otherwise comments a drawing stroke by stroke. */
const speakMilliseconds = 800;

/** The right half of Try: the prediction, its probabilities, the network's input and snippets. */
export interface AnswerPanel {
  setBusy(isBusy: boolean): void;
  /** Removes the answer. */
  clear(kicker: string): void;
  showPrediction(prediction: Omit<Answer, 'model'>): void;
  /** Fills in the Worker's line. */
  showWorker(text: string, time: string, version?: string): void;
  showTrouble(trouble: Trouble, retry: () => void): void;
  hideTrouble(): void;
  /**
   * Shows the image as the network saw it, and programs that send the same request.
   *
   * @param url of the network's input. A data URL if the Worker returned it
   */
  showInput(picture: Picture, url: string, manifest: Manifest, signal: AbortSignal): Promise<void>;
}

const setText = (id: string, text: string) => {
  element(id, HTMLElement).textContent = text;
};

export function openAnswerPanel(): AnswerPanel {
  const panel = element('answer', HTMLElement);
  const bars = element('bars', HTMLElement);
  const seen = element('seen', HTMLImageElement);
  const snippets = element('snippets', HTMLDetailsElement);
  const showSnippets = openSnippetPanel();
  let speakTimer = 0;

  const hideTrouble = () => panel.querySelector('.trouble')?.remove();

  /** A non-breaking space keeps the line's height. */
  function clearVerdict(): void {
    for (const id of ['verdict', 'actual']) setText(id, '\u00a0');
  }

  return {
    setBusy(isBusy) {
      panel.ariaBusy = String(isBusy);
    },
    clear(kicker) {
      panel.ariaBusy = 'false';
      setText('kicker', kicker);
      clearVerdict();
      for (const id of ['worker-text', 'worker-time', 'worker-version', 'local-text', 'local-time'])
        setText(id, '');
      bars.replaceChildren();
      seen.hidden = snippets.hidden = true;
      hideTrouble();
    },
    showPrediction({ predicted, probabilities, actual, correct }) {
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
    showWorker(text, time, version) {
      setText('worker-text', text);
      setText('worker-time', time);
      if (version) setText('worker-version', version);
    },
    showTrouble(trouble, retry) {
      hideTrouble();
      panel.prepend(troublePanel(trouble, retry));
      if (!trouble.isTemporary) bars.replaceChildren();
      clearVerdict();
    },
    hideTrouble,
    async showInput(picture, url, manifest, signal) {
      seen.src = url;
      const isDecoded = await seen.decode().then(
        () => true,
        () => false,
      );
      if (!isDecoded || signal.aborted) return;
      const { naturalWidth: width, naturalHeight: height } = seen;
      seen.hidden = false;
      seen.alt = `What the network saw, ${width} by ${height} pixels`;
      const save = element('save', HTMLAnchorElement);
      save.hidden = !needsFile(picture, url);
      if (!save.hidden) save.href = url;
      const { data } = rasterize(seen, width, height).getImageData(0, 0, width, height);
      const pixels = data.filter((_, i) => i % 4 === 0); // The red channel of a grey image.
      const base = new URL('.', document.baseURI).href.replace(/\/$/, '');
      showSnippets(snippetsFor(base, picture, url, pixels, manifest));
      snippets.hidden = false;
    },
  };
}
