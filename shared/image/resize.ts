/** A picture of one value a pixel, row by row. */
export interface GreyImage {
  width: number;
  height: number;
  /** 0 black to 255 white, fractions included. */
  values: Float32Array;
}

/**
 * Resizes so that every new pixel is the mean of the area it covers, partly covered pixels by their
 * share. Where the image grows, this repeats pixels.
 */
export function resizeByArea(image: GreyImage, width: number, height: number): GreyImage {
  const narrow = averageRows(image.values, image.width, image.height, width);
  const columns = transpose(narrow, width, image.height);
  const short = averageRows(columns, image.height, width, height);
  return { width, height, values: transpose(short, height, width) };
}

/** Averages each of `rows` rows from `length` values to `newLength`. */
function averageRows(values: Float32Array, length: number, rows: number, newLength: number) {
  const result = new Float32Array(newLength * rows);
  const scale = length / newLength;
  for (let target = 0; target < newLength; target++) {
    const start = target * scale;
    const end = Math.min(start + scale, length);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let source = Math.floor(start); source < end; source++) {
        const covered = Math.min(source + 1, end) - Math.max(source, start);
        sum += covered * (values[row * length + source] as number);
      }
      result[row * newLength + target] = sum / (end - start);
    }
  }
  return result;
}

function transpose(values: Float32Array, width: number, height: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) result[x * height + y] = values[y * width + x] as number;
  }
  return result;
}

/** A grey image, row by row, 0 black to 255 white. */
export interface GreyPixels {
  pixels: Uint8Array;
  width: number;
  height: number;
}

/** Repeats every pixel `scale` times in both directions: squares with sharp edges, whatever shows them. */
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
