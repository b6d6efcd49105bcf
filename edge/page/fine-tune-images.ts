import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { make } from './element.ts';
import { testInput } from './labelled-tests.ts';
import type { ToInput } from './network-input.ts';
import { type Picture, withinLimits } from './pictures.ts';
import { Trouble } from './requests.ts';

/** An image that the visitor has labelled. */
export interface OwnImage {
  /** As the network sees it. */
  pixels: Uint8Array;
  /** The number of the test image, if it is one. */
  index: number | null;
  /** A label id. */
  readonly label: number;
  /** Shows a text below the image. */
  note(text: string): void;
}

const maxImages = 100;
/** Larger files are not decoded: they would take too much memory. */
const maxFileBytes = 50 * 2 ** 20;

/**
 * The visitor's images, a tile each.
 *
 * @param onChange called when images or labels change
 */
export function openImages(
  { labels, inputShape }: ModelSpec,
  toInput: ToInput,
  onChange: () => void,
) {
  const tiles = make('ul', { className: 'tiles own' });
  const images: OwnImage[] = [];

  function insert(pixels: Uint8Array, index: number | null, label: number): void {
    const select = labelSelect(labels, label, `Label of image ${images.length + 1}`);
    const note = make('small');
    const remove = make('button', { type: 'button', textContent: 'Remove' });
    const tile = make('li', {}, drawInput(pixels, inputShape), select, remove, note);
    const image: OwnImage = {
      pixels,
      index,
      get label() {
        return Number(select.value);
      },
      note(text) {
        note.textContent = text;
      },
    };
    select.addEventListener('change', onChange);
    remove.addEventListener('click', () => {
      images.splice(images.indexOf(image), 1);
      tile.remove();
      onChange();
    });
    images.push(image);
    tiles.append(tile);
  }

  function checkRoom(): void {
    if (images.length < maxImages) return;
    const detail = `Remove some: ${maxImages} images are the maximum.`;
    throw new Trouble('too_many_images', 'There are too many images', detail);
  }

  return {
    tiles,
    images,
    /**
     * Adds a picture, prepared as in Try.
     *
     * @throws {Trouble} if it is too large, or the browser can't decode it, or there are too many
     */
    async add(picture: Picture, label: number, name = 'The picture'): Promise<void> {
      checkRoom();
      const isTest = picture.kind === 'test';
      const index = isTest ? picture.index : null;
      const pixels =
        isTest && index !== null
          ? await testInput(index, toInput)
          : await ownInput(picture, toInput, name);
      checkRoom();
      insert(pixels, index, label);
      onChange();
    },
  };
}

async function ownInput(picture: Picture, toInput: ToInput, name: string): Promise<Uint8Array> {
  if (picture.kind === 'test') {
    throw new Trouble('no_picture', 'Try shows no image yet', 'Choose one there first.');
  }
  if (picture.blob.size > maxFileBytes) {
    const detail = `${name} has more than ${maxFileBytes / 2 ** 20} MiB.`;
    throw new Trouble('too_large', 'The picture is too large', detail);
  }
  const { blob } = await withinLimits(picture.blob);
  return toInput(blob).catch(() => {
    const detail = `This browser can’t decode ${name}.`;
    throw new Trouble('bad_image', 'The picture can’t be read', detail);
  });
}

export function labelSelect(labels: readonly string[], chosen: number, ariaLabel: string) {
  const select = make('select', { ariaLabel });
  select.append(
    ...labels.map((textContent, id) =>
      make('option', { value: String(id), textContent, selected: id === chosen }),
    ),
  );
  return select;
}

/** Draws the network's input. */
function drawInput(pixels: Uint8Array, inputShape: ModelSpec['inputShape']): HTMLCanvasElement {
  const canvas = inputCanvas(pixels, inputShape);
  canvas.role = 'img';
  canvas.ariaLabel = 'Your image, as the network sees it';
  return canvas;
}

/** @returns a canvas with the network's input, in its own size */
export function inputCanvas(
  pixels: Uint8Array,
  [height, width, channels]: ModelSpec['inputShape'],
): HTMLCanvasElement {
  const canvas = make('canvas', { width, height });
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const from = channels === 1 ? i : 3 * i + channel;
      image.data[4 * i + channel] = pixels[from] as number;
    }
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}
