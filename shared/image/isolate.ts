import { closeDecoder, openDecoder } from './decoder.ts';
import { type Box, fitGarment, type IsolateOptions } from './fit-garment.ts';
import type { OpenDecoder, RasterImage } from './image.ts';

/** The exports of shared/kernels/assembly/decoders.ts for garments. Their docstrings are in the files that it names. */
interface Searcher {
  rowAddress(): number;
  coloursAddress(): number;
  maskAddress(): number;
  boundsAddress(): number;
  startPicture(width: number, height: number, newWidth: number, newHeight: number): void;
  addRow(y: number): void;
  greyPixels(): number;
  findGarment(width: number, height: number): number;
}

/** The longer side at which the garment is searched, and the shorter one at least. */
export const searchSide = 96;
const minSide = 8;

/** The share of pixels that the largest part of a garment has at least. */
const minShare = 0.02;

/** The share of pixels that are grey in a picture that counts as grey. */
const minGreyShare = 0.99;

/**
 * Separates a garment from its background, as the makers of Fashion-MNIST did by hand: the garment is trimmed, fitted and centred,
 * light on black.
 *
 * @param isReady whether a grey picture is one of the data set's own kind, whose background is black already
 * @returns the network's input, height x width values of 0 black to 255 white, and the part of the picture that it shows; `null` if there is
 *   no background to remove, because it is transparent or black, or if no garment is found
 */
export function isolate(
  image: RasterImage,
  open: OpenDecoder,
  options: IsolateOptions,
  isReady: () => boolean,
) {
  const scale = Math.min(1, searchSide / Math.max(image.width, image.height));
  const width = Math.max(minSide, Math.round(image.width * scale));
  const height = Math.max(minSide, Math.round(image.height * scale));
  const opened = openDecoder(open, memoryBytes + 4 * image.width);
  const searcher = opened.exports as Searcher;
  try {
    const { buffer } = opened.memory;
    reduce(image, searcher, new Uint8Array(buffer), width, height);
    const grey = searcher.greyPixels();
    if (grey < 0) return null;
    if (grey / (image.width * image.height) >= minGreyShare && isReady()) return null;
    const size = searcher.findGarment(width, height);
    if (size < minShare * width * height) return null;
    const mask = new Uint8Array(buffer, searcher.maskAddress(), width * height);
    const colours = new Float32Array(buffer, searcher.coloursAddress(), 4 * width * height);
    const [left, top, boxWidth, boxHeight] = new Int32Array(buffer, searcher.boundsAddress(), 4);
    const box = { left, top, width: boxWidth, height: boxHeight } as Box;
    const [across, down] = [image.width / width, image.height / height];
    const crop = {
      x: box.left * across,
      y: box.top * down,
      width: box.width * across,
      height: box.height * down,
    };
    return { pixels: fitGarment(mask, colours, width, box, options), crop };
  } finally {
    closeDecoder(opened);
  }
}

/** The bytes that the search for the garment uses, without those for a row of the picture. */
const memoryBytes = 10 * 65_536;

function reduce(
  image: RasterImage,
  searcher: Searcher,
  heap: Uint8Array,
  width: number,
  height: number,
): void {
  searcher.startPicture(image.width, image.height, width, height);
  const bytes = 4 * image.width;
  for (let y = 0; y < image.height; y++) {
    heap.set(image.data.subarray(bytes * y, bytes * (y + 1)), searcher.rowAddress());
    searcher.addRow(y);
  }
}
