/** A picture of one value a pixel, row by row. */
export interface GreyImage {
  width: number;
  height: number;
  /** 0 black to 255 white, fractions included. */
  values: Float32Array;
}

/**
 * Resizes so that every new pixel is the mean of the area it covers, partly covered pixels by their share. An image that grows repeats
 * pixels.
 */
export function resizeByArea(image: GreyImage, width: number, height: number): GreyImage {
  const values = resizeChannels(image.values, image.width, image.height, 1, width, height);
  return { width, height, values };
}

/**
 * Resizes an image of several values a pixel, as resizeByArea does.
 *
 * @param values [height][width][channels], flat
 * @returns [newHeight][newWidth][channels], flat
 */
export function resizeChannels(
  values: ArrayLike<number>,
  width: number,
  height: number,
  channels: number,
  newWidth: number,
  newHeight: number,
): Float32Array {
  // Of one type, so that the engine compiles the loops for it only.
  const floats = values instanceof Float32Array ? values : new Float32Array(values);
  const narrow = averageAlong(floats, height, width, channels, newWidth);
  return averageAlong(narrow, 1, height, newWidth * channels, newHeight);
}

/** Averages the middle axis of [outer][length][inner] to [outer][newLength][inner]. */
function averageAlong(
  values: Float32Array,
  outer: number,
  length: number,
  inner: number,
  newLength: number,
): Float32Array {
  const result = new Float32Array(outer * newLength * inner);
  const sums = new Float64Array(inner);
  const scale = length / newLength;
  for (let block = 0; block < outer; block++) {
    for (let target = 0; target < newLength; target++) {
      const start = target * scale;
      const end = Math.min(start + scale, length);
      sums.fill(0);
      for (let source = Math.floor(start); source < end; source++) {
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

/** A grey image, row by row, 0 black to 255 white. */
export interface GreyPixels {
  pixels: Uint8Array;
  width: number;
  height: number;
}

/** Repeats every pixel `scale` times in both directions: squares with sharp edges in every viewer. */
export function enlarge({ pixels, width, height }: GreyPixels, scale: number): GreyPixels {
  const result = new Uint8Array(pixels.length * scale * scale);
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const source = Math.floor(y / scale) * width + Math.floor(x / scale);
      result[y * width * scale + x] = pixels[source] as number;
    }
  }
  return { pixels: result, width: width * scale, height: height * scale };
}
