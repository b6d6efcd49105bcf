/** A picture of one or more values a pixel, row by row. */
export interface ChannelImage {
  width: number;
  height: number;
  channels: number;
  /** 0 to 255, fractions included. */
  values: Float32Array;
}

/** A part of an image, in pixels, fractions included. */
export interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Resizes so that every new pixel is the mean of the area it covers, partly covered pixels by their share. An image that grows repeats
 * pixels.
 *
 * @param part the part of the image to resize
 */
export function resizeByArea(
  image: ChannelImage,
  width: number,
  height: number,
  part: Part,
): ChannelImage {
  const across = { start: part.x, length: part.width };
  const down = { start: part.y, length: part.height };
  const { channels } = image;
  const narrow = averageAlong(image.values, image.height, image.width, channels, width, across);
  const values = averageAlong(narrow, 1, image.height, width * channels, height, down);
  return { width, height, channels, values };
}

/**
 * Resizes an image of several values a pixel, as resizeByArea does.
 *
 * @param values [height][width][channels], flat
 * @returns [newHeight][newWidth][channels], flat
 */
export function resizeChannels(
  values: Float32Array,
  width: number,
  height: number,
  channels: number,
  newWidth: number,
  newHeight: number,
): Float32Array {
  const narrow = averageAlong(values, height, width, channels, newWidth);
  return averageAlong(narrow, 1, height, newWidth * channels, newHeight);
}

/** Averages the middle axis of [outer][length][inner] to [outer][newLength][inner]. */
function averageAlong(
  values: Float32Array,
  outer: number,
  length: number,
  inner: number,
  newLength: number,
  part = { start: 0, length },
): Float32Array {
  const result = new Float32Array(outer * newLength * inner);
  const sums = new Float64Array(inner);
  const scale = part.length / newLength;
  const limit = Math.min(part.start + part.length, length);
  for (let block = 0; block < outer; block++) {
    for (let target = 0; target < newLength; target++) {
      const start = part.start + target * scale;
      const end = Math.min(start + scale, limit);
      sums.fill(0);
      for (let source = Math.max(0, Math.floor(start)); source < end; source++) {
        const covered = Math.min(source + 1, end) - Math.max(source, start);
        const from = (block * length + source) * inner;
        for (let i = 0; i < inner; i++) {
          sums[i] = (sums[i] as number) + covered * (values[from + i] as number);
        }
      }
      const to = (block * newLength + target) * inner;
      for (let i = 0; i < inner; i++) result[to + i] = (sums[i] as number) / (end - start);
    }
  }
  return result;
}

/** A network's input: values 0 to 255, row by row, one a pixel if it is grey, and three, red, green and blue, if it is in colour. */
export interface Pixels {
  pixels: Uint8Array;
  width: number;
  height: number;
}

export const channelsOf = ({ pixels, width, height }: Pixels): number =>
  pixels.length / (width * height);

/** Repeats every pixel `scale` times in both directions: squares with sharp edges in every viewer. */
export function enlarge(image: Pixels, scale: number): Pixels {
  const { pixels, width, height } = image;
  const channels = channelsOf(image);
  const result = new Uint8Array(pixels.length * scale * scale);
  let to = 0;
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const source = Math.floor(y / scale) * width + Math.floor(x / scale);
      for (let i = 0; i < channels; i++) result[to++] = pixels[channels * source + i] as number;
    }
  }
  return { pixels: result, width: width * scale, height: height * scale };
}
