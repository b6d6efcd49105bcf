import type { Manifest } from '../../shared/registry/manifest.ts';
import type { LabelledImages } from '../../shared/webgpu/fine-tune.ts';
import { readEvaluation } from './heat-map.ts';
import type { ToInput } from './network-input.ts';
import { Trouble, withModel } from './requests.ts';

/** Test images to train on beside the visitor's own, and as many others to compare answers on. */
export interface LabelledTests {
  rehearsal: LabelledImages;
  others: LabelledImages;
}

/** Images of both together. */
const maxImages = 400;
/** Requests at a time. */
const atOnce = 16;

const none: LabelledImages = { pixels: new Uint8Array(), labels: new Uint8Array() };

/**
 * Loads test images of the Worker with their labels, spread over the whole test set.
 *
 * @param excluded numbers of images that are not used
 * @returns none if the version was published without an evaluation, which has the labels
 * @throws {Trouble} if an image does not load
 */
export async function loadLabelledTests(
  manifest: Manifest,
  toInput: ToInput,
  excluded: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<LabelledTests> {
  if (!manifest.evaluation) return { rehearsal: none, others: none };
  const verdicts = await readEvaluation(manifest);
  const usable = verdicts.filter(({ index }) => !excluded.has(index));
  const count = Math.min(maxImages, usable.length - (usable.length % 2));
  const chosen = Array.from(
    { length: count },
    (_, place) => usable[Math.floor((place * usable.length) / count)] as (typeof usable)[number],
  );
  const pixels: Uint8Array[] = [];
  for (let from = 0; from < count; from += atOnce) {
    signal.throwIfAborted();
    const part = chosen.slice(from, from + atOnce);
    pixels.push(...(await Promise.all(part.map(({ index }) => testInput(index, toInput, signal)))));
  }
  const group = (parity: 0 | 1): LabelledImages => ({
    pixels: joinBytes(pixels.filter((_, place) => place % 2 === parity)),
    labels: Uint8Array.from(
      chosen.filter((_, place) => place % 2 === parity),
      ({ actual }) => actual,
    ),
  });
  return { rehearsal: group(0), others: group(1) };
}

/** Loads a test image. It is the network's input already. */
export async function testInput(index: number, toInput: ToInput, signal?: AbortSignal) {
  const path = withModel(`images/${index}.png`);
  const response = await fetch(path, signal ? { signal } : {});
  if (!response.ok) {
    throw new Trouble('no_file', `Test image ${index} does not load`, response.statusText, true);
  }
  return toInput(await response.blob(), 'false');
}

/** Joins arrays of bytes. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
