import type { Address } from '../../kernels/common-kernels.ts';
import { type Layout, offsetOf, rowBytes } from './layout.ts';

/** Writes an image [height, width, channels] into its frame. The channels that round a pixel up to vectors become 0. */
export function writeImage(
  memory: Float32Array,
  frame: Address,
  layout: Layout,
  values: Float32Array,
): void {
  const { height, width, channels, pitch } = layout;
  const row = width * channels;
  for (let y = 0; y < height; y++) {
    const target = (frame + offsetOf(layout, y, 0)) / 4;
    if (pitch === channels) {
      memory.set(values.subarray(y * row, (y + 1) * row), target);
      continue;
    }
    memory.fill(0, target, target + width * pitch);
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        memory[target + x * pitch + channel] = values[y * row + x * channels + channel] as number;
      }
    }
  }
}

/** Reads the image in a frame to `values` [height, width, channels]. */
export function readImage(
  memory: Float32Array,
  frame: Address,
  layout: Layout,
  values: Float32Array,
): void {
  const { height, width, channels, pitch } = layout;
  const start = (frame + offsetOf(layout, 0, 0)) / 4;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = start + (y * rowBytes(layout)) / 4 + x * pitch;
      const to = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++) {
        values[to + channel] = memory[pixel + channel] as number;
      }
    }
  }
}
