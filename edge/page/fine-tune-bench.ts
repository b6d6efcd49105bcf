import type { Manifest } from '../../shared/registry/manifest.ts';
import { makeControls, maxSteps, usualSteps } from './fine-tune-controls.ts';
import { openImages } from './fine-tune-images.ts';
import { showResult } from './fine-tune-result.ts';
import { openNetworkInput, type ToInput } from './network-input.ts';
import type { Picture } from './pictures.ts';
import { troubleOf } from './requests.ts';
import { troublePanel } from './trouble-panel.ts';

interface NamedPicture {
  picture: Picture;
  name?: string;
}

/** The images, the controls and the result for one network. */
export function openBench(
  first: Manifest,
  content: HTMLElement,
  pictureOfTry: () => Picture | null,
) {
  let manifest = first;
  let stopping: AbortController | null = null;
  const closing = new AbortController();
  const toInput = openOnUse(first);
  const controls = makeControls(first.model.labels);
  const { label, files, start, stop, steps, progress, loss, status, result } = controls;
  const { images, tiles, add } = openImages(first.model, toInput, clearResult);

  /** What was learned no longer belongs to the images or the version. */
  function clearResult(): void {
    // An image that was still being read when the training began waits for the next one.
    if (stopping) return;
    result.replaceChildren();
    start.disabled = images.length === 0;
    status.textContent = loss.textContent = '';
    for (const image of images) image.note('');
  }

  async function addAll(pictures: readonly NamedPicture[]): Promise<void> {
    try {
      for (const { picture, name } of pictures) await add(picture, Number(label.value), name);
    } catch (error) {
      const { title, message } = troubleOf(error);
      status.textContent = `${title}. ${message}`;
    }
  }

  async function run(): Promise<void> {
    clearResult();
    const learned = [...images];
    stopping = new AbortController();
    const { signal } = stopping;
    const max = Math.min(maxSteps, Math.max(1, Math.round(Number(steps.value) || usualSteps)));
    steps.value = String(max);
    progress.max = max;
    controls.setRunning(true);
    try {
      const { runFineTune } = await import('./fine-tune-run.ts');
      const done = await runFineTune({
        manifest,
        toInput,
        images: learned,
        steps: max,
        stop: signal,
        onState: (text) => {
          status.textContent = text;
        },
        onStep(step, ofStep) {
          if (step === 1) status.textContent = 'Training …';
          progress.value = step;
          loss.textContent = `Step ${step} of ${max}, loss ${ofStep.toFixed(4)}`;
        },
      });
      showResult(result, done, learned);
      status.textContent = `Done: ${done.tuned.losses.length} steps.`;
    } catch (error) {
      status.textContent = signal.aborted ? 'Stopped.' : '';
      if (!signal.aborted) result.replaceChildren(troublePanel(troubleOf(error), run));
    } finally {
      stopping = null;
      controls.setRunning(false);
    }
  }

  files.addEventListener('change', async () => {
    await addAll(picturesOf(files.files ?? []));
    // Allows choosing the same file again.
    files.value = '';
  });
  controls.fromTry.addEventListener('click', () => {
    addAll([{ picture: pictureOfTry() ?? { kind: 'test', index: null } }]);
  });
  start.addEventListener('click', run);
  stop.addEventListener('click', () => stopping?.abort());
  takeFiles(content, closing.signal, (chosen) => {
    if (!stopping) addAll(picturesOf(chosen));
  });
  clearResult();
  return {
    element: controls.layOut(tiles),
    /** Continues with another version of the same network. */
    setManifest(next: Manifest): void {
      if (next.version === manifest.version) return;
      manifest = next;
      clearResult();
    },
    close(): void {
      closing.abort();
      stopping?.abort();
    },
  };
}

const picturesOf = (files: Iterable<File>): NamedPicture[] =>
  Array.from(files, (blob) => ({
    picture: { kind: 'own', origin: 'file', blob },
    name: blob.name,
  }));

/** Opens the preparation of pictures when the first one comes. */
function openOnUse({ model }: Manifest): ToInput {
  let opened: Promise<ToInput> | null = null;
  return async (...picture) => {
    opened ??= openNetworkInput(model);
    opened.catch(() => {
      opened = null;
    });
    return (await opened)(...picture);
  };
}

/** Takes dropped and pasted files from Try while the view with `content` is on screen. */
function takeFiles(
  content: HTMLElement,
  signal: AbortSignal,
  onFiles: (files: FileList) => void,
): void {
  const take = (event: Event, data: DataTransfer | null) => {
    if (!content.checkVisibility() || !data?.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    document.body.classList.remove('dropping');
    onFiles(data.files);
  };
  const options = { capture: true, signal };
  document.addEventListener('paste', (event) => take(event, event.clipboardData), options);
  document.addEventListener('drop', (event) => take(event, event.dataTransfer), options);
}
