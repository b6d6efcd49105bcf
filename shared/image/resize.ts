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

/**
 * Averages the rows of a picture in colour, as averageAlong does: several times as fast, as its sums are not in an array, and the shares
 * of the pixels are the same in all rows.
 */
function averageColours(
  { width, height, values, step = 3 }: ChannelImage,
  newWidth: number,
  part: { start: number; length: number },
): Float32Array {
  const result = new Float32Array(height * newWidth * 3);
  const { firsts, counts, shares, totals } = sharesOf(width, newWidth, part);
  let to = 0;
  for (let row = 0; row < height; row++) {
    const rowStart = row * width * step;
    let next = 0;
    for (let target = 0; target < newWidth; target++, to += 3) {
      let from = rowStart + (firsts[target] as number) * step;
      const share = shares[next] as number;
      const end = next + (counts[target] as number);
      let red = share * (values[from] as number);
      let green = share * (values[from + 1] as number);
      let blue = share * (values[from + 2] as number);
      for (next++; next < end; next++) {
        from += step;
        const share = shares[next] as number;
        red += share * (values[from] as number);
        green += share * (values[from + 1] as number);
        blue += share * (values[from + 2] as number);
      }
      const total = totals[target] as number;
      result[to] = red / total;
      result[to + 1] = green / total;
      result[to + 2] = blue / total;
    }
  }
  return result;
}

/**
 * Returns which old pixels of a row each new pixel covers: the first, and how many, the share of each, one new pixel after the other, and
 * the sum of the shares.
 */
function sharesOf(length: number, newLength: number, part: { start: number; length: number }) {
  const firsts = new Uint32Array(newLength);
  const counts = new Uint32Array(newLength);
  const totals = new Float64Array(newLength);
  const shares: number[] = [];
  const scale = part.length / newLength;
  const limit = Math.min(part.start + part.length, length);
  for (let target = 0; target < newLength; target++) {
    const start = part.start + target * scale;
    const end = Math.min(start + scale, limit);
    const first = Math.max(0, Math.floor(start));
    shares.push(Math.min(first + 1, end) - Math.max(first, start));
    firsts[target] = first;
    counts[target] = 1;
    totals[target] = end - start;
    for (let source = first + 1; source < end; source++) {
      shares.push(Math.min(1, end - source));
      counts[target] = (counts[target] as number) + 1;
    }
  }
  return { firsts, counts, shares: Float64Array.from(shares), totals };
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
