/** Decides what becomes of the background of pictures, once for a whole data set. */
import { borderColour, invertPixels, isLight } from '../../shared/image/model-input.ts';
import type { Background } from '../../shared/model/model-spec.ts';
import type { Dataset, ImageSet } from './dataset.ts';
import { imageIn } from './image-set.ts';

type Shape = Pick<Dataset, 'height' | 'width' | 'channels' | 'labels'>;

/** Grey levels of a border that is neither clearly dark nor clearly light. */
const midGrey = { min: 96, max: 159 };
/** The share of images with such a border up to which the others decide. */
const maxMidGreyShare = 0.05;
/** If the shares of light borders of two labels differ by more, light or dark is what distinguishes them. */
const maxDifference = 0.5;

/**
 * Returns `invert` if each training image is clearly light on dark or dark on light. With mid-grey borders, inverting would depend on
 * one grey level; if the border's brightness differs between labels, inverting would remove what the network can learn from.
 *
 * @param train its backgrounds as they are
 * @param onProgress receives the reason if the backgrounds are kept
 */
export function backgroundOfPictures(
  shape: Shape,
  train: ImageSet,
  onProgress: (message: string) => void = () => {},
): Background {
  const { midGreyCount, lightShares } = bordersOf(shape, train);
  const kept = '--background invert inverts light ones.';
  if (midGreyCount > maxMidGreyShare * train.count) {
    onProgress(
      `${midGreyCount} of ${train.count} training images have a mid-grey border, so backgrounds stay as they are. ${kept}`,
    );
    return { kind: 'keep' };
  }
  const lightest = lightShares.indexOf(Math.max(...lightShares));
  const darkest = lightShares.indexOf(Math.min(...lightShares));
  if ((lightShares[lightest] as number) - (lightShares[darkest] as number) > maxDifference) {
    const [light, dark] = [shape.labels[lightest], shape.labels[darkest]];
    onProgress(
      `Borders of ${light} are mostly light and those of ${dark} mostly dark, so backgrounds stay as they are. ${kept}`,
    );
    return { kind: 'keep' };
  }
  return { kind: 'invert' };
}

/** Returns `invert` if the images, which are used as they are, have dark borders: then no image of the data set would be inverted. */
export function backgroundOfImages(shape: Shape, train: ImageSet): Background {
  const { midGreyCount, lightShares } = bordersOf(shape, train);
  const isDark = midGreyCount <= maxMidGreyShare * train.count;
  const isLightOnDark = isDark && lightShares.every((share) => share <= maxMidGreyShare);
  return { kind: isLightOnDark ? 'invert' : 'keep' };
}

/** Inverts the images with a light border, as `toModelInput` does. Those in memory are changed. */
export function invertLight(shape: Shape, set: ImageSet): void {
  for (let i = 0; i < set.count; i++) {
    const image = imageAt(shape, set, i);
    if (!isLight(image)) continue;
    // Those in a file are inverted whenever they are read.
    if (set.file) set.file.inverted[i] = 1;
    else invertPixels(image.values);
  }
}

/** Looks at grey images only: in colour, backgrounds stay as they are by default. */
function bordersOf(shape: Shape, set: ImageSet) {
  const { labels, count } = set;
  const tallies = shape.labels.map(() => ({ images: 0, light: 0 }));
  let midGreyCount = 0;
  for (let i = 0; i < count; i++) {
    const border = borderColour(imageAt(shape, set, i))[0] as number;
    if (border >= midGrey.min && border <= midGrey.max) midGreyCount++;
    const tally = tallies[labels[i] as number];
    if (!tally) continue;
    tally.images++;
    if (border >= 128) tally.light++;
  }
  const lightShares = tallies.map(({ images, light }) => light / Math.max(1, images));
  return { midGreyCount, lightShares };
}

function imageAt({ height, width, channels = 1 }: Shape, set: ImageSet, i: number) {
  return { height, width, channels, values: imageIn(set, i) };
}
