import { argMax } from '../../shared/model/predict.ts';
import { percent } from './bars.ts';
import { make } from './element.ts';
import { inputCanvas, type OwnImage } from './fine-tune-images.ts';
import type { FineTuneRun } from './fine-tune-run.ts';
import { request, Trouble, troubleOf } from './requests.ts';
import type { ServedFiles } from './served-files.ts';
import { troublePanel } from './trouble-panel.ts';

/** Shows the answers before and after, and what can be done with the weights and images. */
export function showResult(
  result: HTMLElement,
  run: FineTuneRun,
  images: readonly OwnImage[],
): void {
  const { tuned, tests, manifest, files } = run;
  const { labels } = manifest.model;
  const answersOf = (logits: Float32Array) =>
    Array.from({ length: logits.length / labels.length }, (_, image) =>
      argMax(logits.subarray(image * labels.length, (image + 1) * labels.length)),
    );
  const [before, after] = [answersOf(tuned.before.own), answersOf(tuned.after.own)];
  for (const [place, image] of images.entries()) {
    const [old, now] = [before[place] as number, after[place] as number];
    const mark = now === image.label ? '✓' : '✗';
    image.note(old === now ? `${labels[now]} ${mark}` : `${labels[old]} → ${labels[now]} ${mark}`);
  }
  const wanted = images.map(({ label }) => label);
  const lines = [
    `Your images with the label that you gave them: ${equal(after, wanted)} of ${images.length} (before: ${equal(before, wanted)}).`,
    othersText(answersOf(tuned.before.others), answersOf(tuned.after.others), [
      ...tests.others.labels,
    ]),
    `Trained from version ${manifest.version}. ${lossText(tuned.losses)}`,
  ];
  result.replaceChildren(
    ...lines.map((textContent) => make('p', { className: 'prose', textContent })),
    downloads(files, tuned.weights),
    feedback(images, manifest.model.inputShape),
  );
}

function lossText(losses: readonly number[]): string {
  const [first, last] = [losses[0], losses.at(-1)];
  if (first === undefined || last === undefined) return 'No step was taken.';
  return `Loss: ${first.toFixed(4)} at the first step, ${last.toFixed(4)} at the last.`;
}

const equal = (some: readonly number[], others: readonly number[]) =>
  some.filter((each, place) => each === others[place]).length;

function othersText(before: number[], after: number[], labels: number[]): string {
  const count = labels.length;
  if (count === 0) {
    return 'This version was published without an evaluation, so no test images were rehearsed, and the model may have forgotten much.';
  }
  const share = (answers: number[]) => percent(equal(answers, labels) / count);
  return `Of ${count} test images that it was not trained on, ${count - equal(before, after)} get another label than before; ${share(after)} are right (before: ${share(before)}).`;
}

function save(download: string, content: BlobPart): void {
  const href = URL.createObjectURL(new Blob([content]));
  make('a', { href, download }).click();
  // The download has started by then.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** The files that `tf.loadLayersModel` reads. */
function downloads({ json }: ServedFiles, weights: Float32Array): HTMLElement {
  const specs = json.weightsManifest.flatMap((group) => group.weights);
  const model = {
    ...json,
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: specs.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
      },
    ],
  };
  const button = (name: string, content: BlobPart) =>
    make('button', {
      type: 'button',
      textContent: `Download ${name}`,
      onclick: () => save(name, content),
    });
  return make(
    'div',
    { className: 'tools' },
    button('model.json', JSON.stringify(model)),
    button('weights.bin', weights as Float32Array<ArrayBuffer>),
    make('span', { className: 'quiet', textContent: 'for TensorFlow.js’s loadLayersModel' }),
  );
}

/** The button that sends images and labels to the Worker. */
function feedback(images: readonly OwnImage[], inputShape: [number, number, 1 | 3]): HTMLElement {
  const button = make('button', { type: 'button', textContent: 'Send as feedback' });
  const text = make('span', {
    className: 'quiet',
    textContent: 'uploads your images and their labels to this Worker, for its next training',
  });
  const trouble = make('div');
  button.addEventListener('click', send);

  async function send(): Promise<void> {
    button.disabled = true;
    trouble.replaceChildren();
    try {
      await checkFeedback();
      for (const image of images) await sendFeedback(image, inputShape);
      text.textContent = `Sent, with their labels: ${images.length}.`;
    } catch (error) {
      button.disabled = false;
      trouble.replaceChildren(troublePanel(troubleOf(error), send));
    }
  }

  return make('div', {}, make('div', { className: 'tools' }, button, text), trouble);
}

interface Predicted {
  /** Missing if the Worker takes no feedback. */
  id?: string;
}

/** @throws {Trouble} if the Worker takes no feedback; nothing is uploaded then */
async function checkFeedback(): Promise<void> {
  const { value } = await request<Predicted>('predict?index=0');
  if (value.id) return;
  const detail =
    'Its operator can turn it on with FEEDBACK (docs/05-http-api.md). Nothing was sent.';
  throw new Trouble('no_feedback', 'This Worker takes no feedback', detail);
}

async function sendFeedback(
  { pixels, index, label }: OwnImage,
  inputShape: [number, number, 1 | 3],
): Promise<void> {
  const json = (path: string, body: object) =>
    request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  if (index !== null) {
    const { value } = await request<Predicted>(`predict?index=${index}`);
    await json('feedback', { id: value.id, label, index });
    return;
  }
  const image = inputCanvas(pixels, inputShape).toDataURL('image/png');
  // It is the network's input already.
  const { value } = await json('predict?invert=false', { image });
  await json('feedback?invert=false', { id: (value as Predicted).id, label, image });
}
