/** A picture of one or more values a pixel, row by row. */
export interface ChannelImage {
  width: number;
  height: number;
  channels: number;
  /** 0 to 255, fractions included. */
  values: Float32Array | Uint8Array;
  /** Values from one pixel to the next (default: channels). More, if a pixel has values that are not read. */
  step?: number;
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
): ChannelImage & { values: Float32Array } {
  const across = { start: part.x, length: part.width };
  const down = { start: part.y, length: part.height };
  const { channels } = image;
  const narrow =
    channels === 3
      ? averageColours(image, width, across)
      : averageAlong(image.values, image.height, image.width, channels, width, across);
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
  values: ChannelImage['values'],
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

/** Averages the rows of a picture in colour, as averageAlong does: three times as fast, as its sums are not in an array. */
function averageColours(
  { width, height, values, step = 3 }: ChannelImage,
  newWidth: number,
  part: { start: number; length: number },
): Float32Array {
  const result = new Float32Array(height * newWidth * 3);
  const scale = part.length / newWidth;
  const limit = Math.min(part.start + part.length, width);
  for (let row = 0; row < height; row++) {
    for (let target = 0; target < newWidth; target++) {
      const start = part.start + target * scale;
      const end = Math.min(start + scale, limit);
      const first = Math.max(0, Math.floor(start));
      let from = (row * width + first) * step;
      let share = Math.min(first + 1, end) - Math.max(first, start);
      let red = share * (values[from] as number);
      let green = share * (values[from + 1] as number);
      let blue = share * (values[from + 2] as number);
      for (let source = first + 1; source < end; source++) {
        from += step;
        share = Math.min(1, end - source);
        red += share * (values[from] as number);
        green += share * (values[from + 1] as number);
        blue += share * (values[from + 2] as number);
      }
      const to = (row * newWidth + target) * 3;
      result[to] = red / (end - start);
      result[to + 1] = green / (end - start);
      result[to + 2] = blue / (end - start);
    }
  }
  return result;
}

/** A network's input: values 0 to 255, row by row. A grey pixel has one; a pixel in colour has three: red, green and blue. */
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
