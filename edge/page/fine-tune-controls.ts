import { make } from './element.ts';
import { labelSelect } from './fine-tune-images.ts';

export const maxSteps = 500;
export const usualSteps = 60;

/** The controls of fine-tuning, and where its state and result are shown. */
export function makeControls(labels: readonly string[]) {
  const label = labelSelect(labels, 0, 'Label of new images');
  const files = make('input', { type: 'file', accept: 'image/*', multiple: true });
  files.className = 'hidden';
  const fromTry = make('button', { type: 'button', textContent: 'Add the image in Try' });
  const steps = make('input', { type: 'number', min: '1', max: String(maxSteps) });
  steps.value = String(usualSteps);
  const start = make('button', { type: 'button', className: 'strong', textContent: 'Fine-tune' });
  const stop = make('button', { type: 'button', textContent: 'Stop', hidden: true });
  const progress = make('progress', { ariaLabel: 'Steps taken', hidden: true });
  const loss = make('span', { className: 'quiet' });
  const status = make('p', { role: 'status' });
  const result = make('div');
  const tiles = make('div');
  const work = make(
    'fieldset',
    {},
    make('legend', { className: 'hidden', textContent: 'Images to learn' }),
    make(
      'div',
      { className: 'tools' },
      make('label', { className: 'check' }, 'Label', label),
      make('label', { className: 'button' }, 'Add images', files),
      fromTry,
      make('span', { className: 'quiet', textContent: 'or drop or paste them here' }),
    ),
    tiles,
  );
  const tools = make('div', { className: 'tools' });
  tools.append(make('label', { className: 'index' }, 'Steps', steps), start, stop, progress, loss);
  return {
    label,
    files,
    fromTry,
    steps,
    start,
    stop,
    progress,
    loss,
    status,
    result,
    layOut(images: HTMLElement): HTMLElement {
      tiles.replaceChildren(images);
      return make('div', {}, work, tools, status, result);
    },
    /** While it runs, the images can't be changed. */
    setRunning(isRunning: boolean): void {
      work.disabled = start.disabled = steps.disabled = isRunning;
      stop.hidden = progress.hidden = !isRunning;
      if (isRunning) progress.value = 0;
    },
  };
}
