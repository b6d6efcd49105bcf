import type { Channels, Scale } from '../../shared/model/model-spec.ts';
import type { ImageSet } from './dataset.ts';
import { imageBytesIn, imagesBetween } from './image-set.ts';

/** Bytes that are measured: those of 10,000 images of 64x64 in colour. */
const maxBytes = 10_000 * 64 * 64 * 3;

/**
 * Returns mean and standard deviation of pixels in [0, 1], with the four digits that programs quote; per channel, if there are several.
 *
 * @param pixels of many images, of which the first are measured
 */
export function scaleOf(pixels: Uint8Array, channels: Channels = 1): Scale {
  const measured = pixels.subarray(0, maxBytes - (maxBytes % channels));
  const scales = Array.from({ length: channels }, (_, channel) =>
    scaleOfChannel(measured, channel, channels),
  );
  const [first, ...others] = scales as [ChannelScale, ...ChannelScale[]];
  const [second, third] = others;
  if (!second || !third) return first;
  return {
    mean: [first.mean, second.mean, third.mean],
    std: [first.std, second.std, third.std],
  };
}

/** Returns what `scaleOf` does for the first images of a set. */
export function scaleOfImages(set: ImageSet, channels: Channels = 1): Scale {
  const enough = Math.ceil(maxBytes / imageBytesIn(set));
  return scaleOf(imagesBetween(set, 0, Math.min(enough, set.count)), channels);
}

type ChannelScale = { mean: number; std: number };

function scaleOfChannel(pixels: Uint8Array, channel: number, step: number): ChannelScale {
  let sum = 0;
  let squares = 0;
  for (let i = channel; i < pixels.length; i += step) {
    const level = pixels[i] as number;
    sum += level;
    squares += level * level;
  }
  const count = pixels.length / step;
  const mean = sum / count;
  const std = Math.sqrt(Math.max(0, squares / count - mean * mean));
  const rounded = (value: number) => Number((value / 255).toFixed(4));
  return { mean: rounded(mean), std: Math.max(minStd, rounded(std)) };
}

/** A channel without contrast is not amplified beyond this. */
const minStd = 0.0001;
