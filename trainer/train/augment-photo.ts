import { UsageError } from '../../node/options.ts';
import type { Dataset } from '../data/dataset.ts';
import { imageBytesIn, imageIn } from '../data/image-set.ts';
import { cutOut, layPair, move, newGarment } from './photo-garment.ts';
import type { Random } from './photo-random.ts';
import { addNoise, fillTexture, newPlane, side } from './photo-texture.ts';

/** The labels of garments that lie on a floor at any angle and in pairs. */
export const footwear: ReadonlySet<string> = new Set(['Sandal', 'Sneaker', 'Ankle boot']);

/** The grey level, 0..255, that a photo's garment is shifted to before it is predicted. */
export const photoMean = 130;

/** An image counts as light on black if half of its border has at most this level, and a data set if this share of its images do. */
const maxBlack = 16;
const minBlackShare = 0.9;

/**
 * Checks that photos can be made of a data set's images.
 *
 * @throws {UsageError} if they are of another size, or not light on black
 */
export function checkTakesPhotos({ name, height, width, train }: Dataset): void {
  const needs =
    '--photos, and so --recipe photo, needs grey images of 28x28 pixels that are light on black, as those of fashion-mnist are';
  const advice = 'Use --recipe best, or --photos 0.';
  if (height !== side || width !== side || imageBytesIn(train) !== area) {
    throw new UsageError(`${needs}, but ${name} has images of ${width}x${height}. ${advice}`);
  }
  let black = 0;
  for (let i = 0; i < train.count; i++) {
    if (hasBlackBorder(imageIn(train, i))) black++;
  }
  if (black >= minBlackShare * train.count) return;
  throw new UsageError(
    `${needs}, but only ${black} of the ${train.count} training images of ${name} have a black border. ${advice}`,
  );
}

function hasBlackBorder(pixels: Uint8Array): boolean {
  let black = 0;
  for (let i = 0; i < side; i++) {
    for (const at of [i, area - side + i, i * side, i * side + side - 1]) {
      if ((pixels[at] as number) <= maxBlack) black++;
    }
  }
  return black >= 2 * side;
}

/** The share of photos that are whole pictures, as if the garment had not been found. In the others it is isolated, with faults. */
const wholeShare = 0.3;

// One image is made at a time, so that the planes are reused.
const shoe = newGarment();
const source = newGarment();
const garment = newGarment();
const brightness = newPlane();
const pattern = newPlane();
const background = newPlane();
const mask = newPlane();
const picture = newPlane();
const scratch = newPlane();
const area = side * side;

/**
 * Makes a training image look as photos do after isolate.ts: the garment turned, bent and in another light, lying on a texture that
 * remains in the parts that the isolation missed, or all around it.
 *
 * @param pixels 28x28, light on black
 * @param target overwritten; as long as `pixels`
 * @param random the same numbers give the same image
 */
export function augmentPhoto(
  target: Uint8Array,
  pixels: Uint8Array,
  isFootwear: boolean,
  random: Random,
): void {
  const isWhole = random.happens(wholeShare);
  if (isFootwear && random.happens(0.4)) {
    cutOut(pixels, shoe);
    layPair(shoe, source, random);
  } else {
    cutOut(pixels, source);
  }
  const turnsFreely = isFootwear && random.happens(0.4);
  move(source, garment, { turnsFreely, fits: !isWhole }, random);
  lightGarment(random);
  fillTexture(background, random);
  for (let i = 0; i < area; i++) {
    const cover = garment.cover[i] as number;
    picture[i] = (brightness[i] as number) * cover + (background[i] as number) * (1 - cover);
  }
  if (isWhole) padSides(random);
  else isolate(random);
  blur(picture, random.uniform(0, 1));
  const grain = random.uniform(0, 0.05);
  for (let i = 0; i < area; i++) {
    const level = picture[i] as number;
    // The parts that the isolation made black have no grain.
    const value = level > 0 ? level + random.uniform(-grain, grain) : 0;
    target[i] = Math.round(255 * Math.max(0, Math.min(1, value)));
  }
}

/** Changes the garment's gamma, contrast and brightness, inverts some, and adds shade and patterns. */
function lightGarment(random: Random): void {
  const { light, cover } = garment;
  let [sum, covered] = [0, 1e-3];
  for (let i = 0; i < area; i++) {
    sum += light[i] as number;
    covered += cover[i] as number;
  }
  const gamma = Math.exp(0.25 * random.normal());
  const contrast = Math.exp(0.3 * random.normal() - 0.2);
  const middle = (sum / covered) ** gamma;
  const shift = 0.12 * random.normal();
  const isInverted = random.happens(0.15);
  brightness.fill(0);
  addNoise(brightness, 3, random.uniform(0, 0.06), random);
  if (random.happens(0.15)) {
    fillTexture(pattern, random);
    for (let i = 0; i < area; i++) {
      brightness[i] = (brightness[i] as number) + 0.5 * ((pattern[i] as number) - 0.5);
    }
  }
  for (let i = 0; i < area; i++) {
    const part = cover[i] as number;
    if (part < 0.02) continue;
    const level = Math.min(1, (light[i] as number) / part) ** gamma;
    const value = (level - middle) * contrast + middle + shift;
    brightness[i] = (brightness[i] as number) + (isInverted ? 1 - value : value);
  }
}

/** Portraits of 3:4 are padded with the background's level. */
function padSides(random: Random): void {
  if (random.happens(0.2)) return;
  const level = Float32Array.from(background).sort()[area >> 1] as number;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < 4; x++) {
      picture[y * side + x] = level;
      picture[y * side + side - 1 - x] = level;
    }
  }
}

/** Blackens what a faulty mask takes for background. */
function isolate(random: Random): void {
  const { cover } = garment;
  const fault = random.uniform(0, 1);
  mask.set(cover);
  scratch.fill(0);
  if (fault > 0.95) {
    fillEllipse(random);
  } else if (fault > 0.85) {
    // Parts of the garment are missing.
    addNoise(scratch, 4, 1, random);
    for (let i = 0; i < area; i++) if ((scratch[i] as number) > 0.9) mask[i] = 0;
  } else if (fault > 0.45) {
    // The mask is wider by a pixel, or in places by three.
    addNoise(scratch, 5, 1, random);
    const isWide = fault > 0.65;
    const patches = scratch.map((value) => (value > 0.6 === isWide ? 1 : 0));
    growInto(mask, cover, isWide ? 3 : 1, patches);
  }
  if (random.happens(0.5)) soften(mask);
  const shift = shiftOfMean(random);
  for (let i = 0; i < area; i++) {
    picture[i] = Math.max(0, (picture[i] as number) + shift) * (mask[i] as number);
  }
}

/** Returns the factor that changes the mean within the mask to that of photos, with an error. */
function shiftOfMean(random: Random): number {
  let [sum, covered] = [0, 1e-3];
  for (let i = 0; i < area; i++) {
    if ((mask[i] as number) < 0.5) continue;
    sum += picture[i] as number;
    covered++;
  }
  return photoMean / 255 + 0.05 * random.normal() - sum / covered;
}

function fillEllipse(random: Random): void {
  const [width, height] = [random.uniform(0.55, 1), random.uniform(0.8, 1.05)];
  for (let i = 0; i < area; i++) {
    const x = Math.abs(((i % side) * 2) / (side - 1) - 1) / width;
    const y = Math.abs((Math.floor(i / side) * 2) / (side - 1) - 1) / height;
    mask[i] = x ** 3 + y ** 3 < 1 ? 1 : 0;
  }
}

/** If `patches` is 1, each pixel becomes the largest one within `radius`. */
function growInto(
  grown: Float32Array,
  from: Float32Array,
  radius: number,
  patches: Float32Array,
): void {
  for (let i = 0; i < area; i++) {
    if (!patches[i]) continue;
    const [x, y] = [i % side, Math.floor(i / side)];
    let largest = 0;
    for (let row = Math.max(0, y - radius); row <= Math.min(side - 1, y + radius); row++) {
      for (let at = Math.max(0, x - radius); at <= Math.min(side - 1, x + radius); at++) {
        largest = Math.max(largest, from[row * side + at] as number);
      }
    }
    grown[i] = largest;
  }
}

/** The mean of 3x3 values; black outside. */
function soften(plane: Float32Array): void {
  sumThree(plane, 1, 1 / 3);
}

/** Mixes a plane with itself blurred by [1 2 1]/4 along each axis; black outside. */
function blur(plane: Float32Array, share: number): void {
  if (share === 0) return;
  pattern.set(plane);
  sumThree(pattern, 2, 1 / 4);
  for (let i = 0; i < area; i++) {
    plane[i] = (plane[i] as number) * (1 - share) + (pattern[i] as number) * share;
  }
}

/** Replaces each value, along both axes, by (before + middle x value + after) x factor. */
function sumThree(plane: Float32Array, middle: number, factor: number): void {
  for (let i = 0; i < area; i++) {
    const x = i % side;
    const before = x > 0 ? (plane[i - 1] as number) : 0;
    const after = x < side - 1 ? (plane[i + 1] as number) : 0;
    scratch[i] = (before + middle * (plane[i] as number) + after) * factor;
  }
  for (let i = 0; i < area; i++) {
    const above = i >= side ? (scratch[i - side] as number) : 0;
    const below = i < area - side ? (scratch[i + side] as number) : 0;
    plane[i] = (above + middle * (scratch[i] as number) + below) * factor;
  }
}
