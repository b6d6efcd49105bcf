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
