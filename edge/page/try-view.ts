import { percent, showBars } from './bars.ts';
import { openCamera } from './camera.ts';
import { openDrawing } from './draw.ts';
import { element } from './element.ts';
import { openLocalSwitch } from './local-switch.ts';
import { type Picture, takeGivenFiles, toPng, withinBounds } from './pictures.ts';
import { type Answer, predict } from './predict.ts';
import { openSnippetPanel } from './snippet-panel.ts';
import { needsFile, snippetsFor } from './snippets.ts';
import { type Trouble, troubleOf, troublePanel } from './trouble.ts';
import type { ModelWatch } from './watch-model.ts';

type Source = 'test' | 'drawing' | 'file' | 'camera';

/** From a stroke to its answer being asked for; what is drawn meanwhile goes along. */
const drawMilliseconds = 60;
/** Between two frames of the camera, at least. */
const frameMilliseconds = 150;
const retryMilliseconds = 2000;
/** Until a screen reader is told, so that a drawing is not commented stroke by stroke. */
const speakMilliseconds = 800;

export interface TryView {
  /** What is on screen, `null` where nothing is yet. */
  picture(): Picture | null;
  /** @param index a test image to show */
  look(isVisible: boolean, index?: number): void;
}

export function openTry(model: ModelWatch): TryView {
  const image = element('image', HTMLImageElement);
  const video = element('video', HTMLVideoElement);
  const hold = element('hold', HTMLButtonElement);
  const indexInput = element('index', HTMLInputElement);
  const answerPanel = element('answer', HTMLElement);
  const fileNote = element('file-note', HTMLElement);
  const snippets = element('snippets', HTMLDetailsElement);
  const drawing = openDrawing(() => {
    if (source !== 'drawing') return;
    if (drawing.isEmpty) return blank('Draw something');
    if (drawTimer) return;
    // The first stroke starts the clock: while a line goes on, answers keep coming.
    drawTimer = setTimeout(async () => {
      drawTimer = 0;
      if (source !== 'drawing') return;
      show({ kind: 'own', origin: 'drawing', blob: await toPng(drawing.canvas) });
    }, drawMilliseconds);
  });
  const camera = openCamera();
  const local = openLocalSwitch(model, () => picture && ask(picture));
  const showSnippets = openSnippetPanel();

  let source: Source = 'test';
  let isVisible = true;
  let picture: Picture | null = null;
  let lastFile: Picture | null = null;
  let asking = new AbortController();
  let drawTimer = 0;
  let retryTimer = 0;
  let speakTimer = 0;
  let objectUrl = '';

  function show(next: Picture): void {
    picture = next;
    ask(next);
  }

  /** Nothing to predict yet. */
  function blank(text: string): void {
    asking.abort();
    picture = null;
    element('kicker', HTMLElement).textContent = text;
    for (const id of ['verdict', 'actual']) element(id, HTMLElement).textContent = '\u00a0';
    for (const id of ['worker-text', 'worker-time', 'worker-version', 'local-text', 'local-time']) {
      element(id, HTMLElement).textContent = '';
    }
    element('bars', HTMLElement).replaceChildren();
    element('seen', HTMLImageElement).hidden = true;
    snippets.hidden = true;
    answerPanel.ariaBusy = 'false';
    showTrouble(null);
  }

  /** Aborts the request before: only the newest picture is of interest. */
  async function ask(asked: Picture): Promise<void> {
    asking.abort();
    clearTimeout(retryTimer);
    asking = new AbortController();
    const { signal } = asking;
    answerPanel.ariaBusy = 'true';
    let answer: Answer | null = null;
    try {
      const { value, milliseconds } = await predict(asked, signal);
      if (signal.aborted) return;
      answer = value;
      showTrouble(null);
      showAnswer(value);
      const { label, probability } = value.predicted;
      element('worker-text', HTMLElement).textContent = `${label}, ${percent(probability)}`;
      element('worker-time', HTMLElement).textContent =
        `${milliseconds.toFixed(0)} ms there and back`;
      element('worker-version', HTMLElement).textContent = value.model.version;
      if (value.index !== undefined) await showTestImage(value);
    } catch (error) {
      if (signal.aborted) return;
      const trouble = troubleOf(error);
      showTrouble(trouble);
      element('worker-text', HTMLElement).textContent = trouble.title;
      element('worker-time', HTMLElement).textContent = '';
      if (trouble.passes) retryTimer = setTimeout(() => ask(asked), retryMilliseconds);
    }
    answerPanel.ariaBusy = 'false';
    if (answer) await showInput(asked, answer, signal);
    await answerHere(asked, answer, signal);
  }

  async function answerHere(asked: Picture, answer: Answer | null, signal: AbortSignal) {
    if (!element('local', HTMLInputElement).checked) return;
    try {
      const index = answer?.index ?? (asked.kind === 'test' ? asked.index : null);
      if (asked.kind === 'test' && index === null) return;
      const blob =
        asked.kind === 'own'
          ? asked.blob
          : await (await fetch(imagePath(index as number), { signal })).blob();
      const prediction = await local.answer(blob, answer, signal);
      // Without a network this browser answers alone.
      if (prediction && !answer) showAnswer(prediction);
    } catch (error) {
      if (!signal.aborted) console.warn(error);
    }
  }

  function showAnswer({ predicted, probabilities, actual, correct }: Omit<Answer, 'model'>): void {
    element('kicker', HTMLElement).textContent = 'Predicted';
    element('verdict', HTMLElement).textContent = predicted.label;
    const line = element('actual', HTMLElement);
    line.textContent = actual ? `Actual: ${actual.label}` : percent(predicted.probability);
    line.className = correct === undefined ? '' : correct ? 'right' : 'wrong';
    showBars(element('bars', HTMLElement), { predicted, probabilities });
    clearTimeout(speakTimer);
    speakTimer = setTimeout(() => {
      const truth = actual ? `, actual ${actual.label}` : '';
      element('spoken', HTMLElement).textContent =
        `Predicted ${predicted.label}, ${percent(predicted.probability, 0)}${truth}.`;
    }, speakMilliseconds);
  }

  async function showTestImage({ index, actual }: Answer): Promise<void> {
    const number = index as number;
    picture = { kind: 'test', index: number };
    indexInput.value = String(number);
    image.src = imagePath(number, frameScale());
    image.alt = `Test image ${number}: ${actual?.label}`;
    image.hidden = source !== 'test';
    await image.decode().catch(() => {});
  }

  /** Shows what the network saw, and programs that ask the same. */
  async function showInput(asked: Picture, { input }: Answer, signal: AbortSignal): Promise<void> {
    const { served } = model;
    if (!served || !picture) return;
    const seen = element('seen', HTMLImageElement);
    seen.src = input ?? imagePath((picture.kind === 'test' && picture.index) || 0);
    try {
      await seen.decode();
    } catch {
      return;
    }
    if (signal.aborted) return;
    seen.hidden = false;
    seen.alt = `What the network saw, ${seen.naturalWidth} by ${seen.naturalHeight} pixels`;
    const shown = asked.kind === 'test' ? picture : asked;
    const save = element('save', HTMLAnchorElement);
    save.hidden = !needsFile(shown, input ?? '');
    if (input) save.href = input;
    const base = new URL('.', document.baseURI).href.replace(/\/$/, '');
    showSnippets(snippetsFor(base, shown, input ?? '', greyPixels(seen), served.manifest));
    snippets.hidden = false;
  }

  function showTrouble(trouble: Trouble | null): void {
    const before = answerPanel.querySelector('.trouble');
    // While there is no model, the page says so above.
    if (trouble === null || model.trouble?.code === trouble.code) return void before?.remove();
    const panel = troublePanel(trouble, () => picture && ask(picture));
    if (before) before.replaceWith(panel);
    else answerPanel.prepend(panel);
    if (!trouble.passes) element('bars', HTMLElement).replaceChildren();
    element('verdict', HTMLElement).textContent = '\u00a0';
    element('actual', HTMLElement).textContent = '\u00a0';
  }

  /** Enlarged by whole pixels, to about what the frame shows. */
  function frameScale(): number {
    const [height, width] = model.served?.manifest.model.inputShape ?? [28, 28];
    return Math.min(20, Math.max(1, Math.round(448 / Math.max(height, width))));
  }

  async function choose(next: Source): Promise<void> {
    source = next;
    for (const each of ['test', 'drawing', 'file', 'camera'] as const) {
      element(`tools-${each}`, HTMLElement).hidden = each !== next;
      element(`source-${each}`, HTMLInputElement).checked = each === next;
    }
    image.hidden = true;
    drawing.canvas.hidden = next !== 'drawing';
    video.hidden = next !== 'camera';
    element('empty', HTMLElement).hidden = next !== 'file' || lastFile !== null;
    if (next !== 'camera') camera.stop();
    if (next === 'test') random();
    else if (next === 'drawing') {
      blank('Draw something');
      if (!drawing.isEmpty)
        show({ kind: 'own', origin: 'drawing', blob: await toPng(drawing.canvas) });
    } else if (next === 'file') {
      if (lastFile) showFile(lastFile);
      else blank('Waiting for a picture');
    } else await startCamera();
  }

  async function takeFile(file: File): Promise<void> {
    fileNote.textContent = '';
    const { blob, note } = await withinBounds(file);
    lastFile = { kind: 'own', origin: 'file', blob };
    location.hash = '#/try';
    await choose('file');
    fileNote.textContent = note || file.name;
  }

  function showFile(file: Picture): void {
    if (file.kind !== 'own') return;
    URL.revokeObjectURL(objectUrl);
    objectUrl = URL.createObjectURL(file.blob);
    image.src = objectUrl;
    image.alt = 'Your picture';
    image.hidden = false;
    image.onerror = () => {
      image.hidden = true;
    };
    show(file);
  }

  async function startCamera(): Promise<void> {
    blank('Looking');
    hold.textContent = 'Hold still';
    try {
      await camera.start();
    } catch (error) {
      if (source === 'camera') showTrouble(troubleOf(error));
      return;
    }
    while (camera.isOn && source === 'camera' && isVisible) {
      if (!video.paused) {
        const [height, width] = model.served?.manifest.model.inputShape ?? [28, 28];
        const blob = await camera.frame(height, width);
        if (source !== 'camera') return;
        picture = { kind: 'own', origin: 'camera', blob };
        await ask(picture);
      }
      await new Promise((resolve) => setTimeout(resolve, frameMilliseconds));
    }
  }

  const random = () => show({ kind: 'test', index: null });

  function step(by: number): void {
    const index = picture?.kind === 'test' ? (picture.index ?? 0) + by : 0;
    if (index >= 0) show({ kind: 'test', index });
  }

  for (const input of element('sources', HTMLElement).querySelectorAll('input')) {
    input.addEventListener('change', () => choose(input.value as Source));
  }
  takeGivenFiles(takeFile);
  element('previous', HTMLButtonElement).addEventListener('click', () => step(-1));
  element('next', HTMLButtonElement).addEventListener('click', () => step(1));
  element('random', HTMLButtonElement).addEventListener('click', random);
  indexInput.addEventListener('change', () => {
    if (indexInput.value !== '') show({ kind: 'test', index: Number(indexInput.value) });
  });
  hold.addEventListener('click', () => {
    if (!camera.isOn) return void startCamera();
    if (video.paused) video.play();
    else video.pause();
    hold.textContent = video.paused ? 'Go on' : 'Hold still';
  });
  addEventListener('online', () => picture && ask(picture));

  let version = '';
  model.listen((served) => {
    const next = served?.manifest.version ?? '';
    if (!served || next === version) return;
    const isFirst = version === '';
    version = next;
    const [height, width] = served.manifest.model.inputShape;
    drawing.shape(height, width);
    element('frame', HTMLElement).style.aspectRatio = `${width} / ${height}`;
    // The image on screen is asked about anew: the answer that is shown is another model's.
    if (picture) ask(picture);
    else if (isFirst && source === 'test') random();
  });

  return {
    picture: () => picture,
    look(visible, index) {
      isVisible = visible;
      if (!visible) {
        asking.abort();
        clearTimeout(retryTimer);
        camera.stop();
      } else if (index !== undefined && Number.isInteger(index)) {
        if (source !== 'test') {
          source = 'test';
          choose('test').then(() => show({ kind: 'test', index }));
        } else show({ kind: 'test', index });
      } else if (source === 'camera') startCamera();
    },
  };
}

const imagePath = (index: number, scale = 1) =>
  scale === 1 ? `images/${index}.png` : `images/${index}.png?scale=${scale}`;

function greyPixels(image: HTMLImageElement): Uint8Array {
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] as number);
}
