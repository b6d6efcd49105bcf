import type { IndexedPrediction, ServedModel } from '../../shared/prediction.ts';
import { element } from './element.ts';

type Answer = IndexedPrediction & { model: ServedModel };

const retryMilliseconds = 2000;
/** 28 x 12 = 336 pixels a side. */
const imageScale = 12;

const nextButton = element('next', HTMLButtonElement);
const image = element('image', HTMLImageElement);
let retry = 0;

/** Shows a random test image and what the model says of it; waits and asks again while it can't yet. */
async function showRandom(): Promise<void> {
  clearTimeout(retry);
  nextButton.disabled = true;
  element('problem', HTMLElement).textContent = '';
  try {
    const response = await fetch('predict');
    const body = await response.json();
    if (response.ok) await show(body);
    else waitFor(body.title, body.detail);
  } catch {
    waitFor('The Worker does not answer', 'It may be starting, or it was stopped.');
  } finally {
    nextButton.disabled = false;
  }
}

async function show(answer: Answer): Promise<void> {
  const { index, predicted, actual, correct, probabilities, model } = answer;
  image.src = `images/${index}.png?scale=${imageScale}`;
  image.alt = `Test image ${index}: ${actual.label}`;
  await image.decode();

  const verdict = document.createElement('span');
  verdict.className = correct ? 'right' : 'wrong';
  verdict.textContent = predicted.label;
  element('caption', HTMLElement).replaceChildren(
    'Predicted: ',
    verdict,
    `, Actual: ${actual.label}`,
  );
  element('bars', HTMLElement).replaceChildren(
    ...probabilities.map(({ id, label, probability }) =>
      bar(label, probability, id === predicted.id),
    ),
  );
  element('model', HTMLElement).textContent =
    `${model.name} ${model.version}, alias ${model.alias}. Test image ${index}.`;
  element('waiting', HTMLElement).hidden = true;
  element('live', HTMLElement).hidden = false;
}

function bar(label: string, probability: number, isPredicted: boolean): HTMLLIElement {
  const item = document.createElement('li');
  item.className = isPredicted ? 'predicted' : '';
  const name = document.createElement('span');
  name.textContent = label;
  const progress = document.createElement('progress');
  progress.value = probability;
  progress.ariaLabel = label;
  const percent = document.createElement('output');
  percent.textContent = `${(100 * probability).toFixed(1)} %`;
  item.append(name, progress, percent);
  return item;
}

/**
 * Says what is wrong and asks again later: most problems pass by themselves, as when the first model
 * is still being trained. The image before, if any, stays.
 */
function waitFor(title: string, detail: string): void {
  const waits = element('live', HTMLElement).hidden;
  element('waiting', HTMLElement).hidden = !waits;
  if (waits) {
    element('waiting-title', HTMLElement).textContent = title;
    element('waiting-detail', HTMLElement).textContent = detail;
  } else {
    element('problem', HTMLElement).textContent = `${title}. ${detail}`;
  }
  retry = setTimeout(showRandom, retryMilliseconds);
}

nextButton.addEventListener('click', showRandom);
showRandom();
