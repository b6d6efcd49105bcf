import seedrandom from 'seedrandom';
import type { Scale } from '../../shared/model/model-spec.ts';
import { normalizePixels } from '../../shared/model/predict.ts';

/** A part of an image, in pixels, fractions included, which becomes a whole image. */
interface Crop {
  left: number;
  top: number;
  width: number;
  height: number;
  mirrored: boolean;
}

/** The smallest share of an image's area that a crop shows. */
const minArea = 0.45;

/** Red, green and blue: MobileNet has no other inputs. */
const channels = 3;

type ImageShape = readonly [height: number, width: number, channels: number];

/**
 * Draws a view of an image as a network's input, so that the network sees a picture in several ways: the image itself, mirrored, then crops,
 * of which every second one is mirrored.
 *
 * @param pixels 0 to 255
 * @param view counts from 0
 * @param seed determines the crops
 * @param target overwritten; as long as `pixels`
 */
export function drawView(
  pixels: Uint8Array,
  shape: ImageShape,
  scale: Scale,
  view: number,
  seed: string,
  target: Float32Array,
): void {
  if (view === 0) {
    normalizePixels(pixels, scale, target);
    return;
  }
  const [height, width] = shape;
  const whole = { left: 0, top: 0, width, height, mirrored: true };
  const crop = view === 1 ? whole : drawCrop(shape, `${seed}/${view}`, view % 2 === 1);
  resample(pixels, shape, crop, scale, target);
}

function drawCrop([height, width]: ImageShape, seed: string, mirrored: boolean): Crop {
  const random = seedrandom.alea(seed);
  const side = Math.sqrt(minArea + (1 - minArea) * random());
  return {
    left: random() * width * (1 - side),
    top: random() * height * (1 - side),
    width: width * side,
    height: height * side,
    mirrored,
  };
}

/**
 * Reads a crop with bilinear interpolation, first down and then across, and normalizes it. Beyond the border, the image's last pixels
 * continue.
 */
function resample(
  pixels: Uint8Array,
  [height, width]: ImageShape,
  crop: Crop,
  { mean, std }: Scale,
  target: Float32Array,
): void {
  const columns = positionsOf(width, crop.left, crop.width, crop.mirrored);
  const rows = positionsOf(height, crop.top, crop.height, false);
  const [redScale, greenScale, blueScale] = perChannel(std, (value) => 1 / (255 * value));
  const [red, green, blue] = perChannel(mean, (value) => 255 * value);
  /** A row of the crop, as wide as the image. */
  const line = new Float64Array(width * channels);
  let to = 0;
  for (let row = 0; row < height; row++) {
    const upper = (rows.before[row] as number) * line.length;
    const lower = (rows.after[row] as number) * line.length;
    const down = rows.share[row] as number;
    for (let i = 0; i < line.length; i++) {
      const above = pixels[upper + i] as number;
      line[i] = above + down * ((pixels[lower + i] as number) - above);
    }
    // One channel after the other, without an inner loop or array: this decides how long a view takes.
    for (let column = 0; column < width; column++, to += channels) {
      const left = (columns.before[column] as number) * channels;
      const right = (columns.after[column] as number) * channels;
      const across = columns.share[column] as number;
      const leftRed = line[left] as number;
      const leftGreen = line[left + 1] as number;
      const leftBlue = line[left + 2] as number;
      const redLevel = leftRed + across * ((line[right] as number) - leftRed);
      const greenLevel = leftGreen + across * ((line[right + 1] as number) - leftGreen);
      const blueLevel = leftBlue + across * ((line[right + 2] as number) - leftBlue);
      target[to] = (redLevel - red) * redScale;
      target[to + 1] = (greenLevel - green) * greenScale;
      target[to + 2] = (blueLevel - blue) * blueScale;
    }
  }
}

/** Returns a value of each channel from one for all, or from one each. */
function perChannel(values: number | readonly number[], map: (value: number) => number) {
  const [red, green = red, blue = red] = [values].flat().map(map) as [number, number?, number?];
  return [red, green, blue] as const;
}

/** Returns, for each new pixel of a row or column, the old ones before and after its centre, and the share of the latter. */
function positionsOf(length: number, start: number, part: number, mirrored: boolean) {
  const before = new Uint32Array(length);
  const after = new Uint32Array(length);
  const share = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const centre = mirrored ? length - i - 0.5 : i + 0.5;
    const at = Math.min(length - 1, Math.max(0, start + (centre * part) / length - 0.5));
    before[i] = Math.floor(at);
    after[i] = Math.min(length - 1, Math.floor(at) + 1);
    share[i] = at - Math.floor(at);
  }
  return { before, after, share };
}
