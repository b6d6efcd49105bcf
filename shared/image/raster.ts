import type { RasterImage } from './image.ts';

/** Receives a picture row by row. Rows may come from the top down or from the bottom up. */
export interface RasterWriter {
  /** @param row red, green, blue and alpha of each pixel */
  write(y: number, row: Uint8Array): void;
  /** @returns the picture; every row must have been written */
  finish(): RasterImage;
}

/**
 * Opens a writer that keeps a picture of `width` x `height` pixels, or averages squares of pixels into one if the picture is at
 * least twice as large as needed. Memory follows the size that is kept, not the size that is read.
 *
 * @param minSide pixels that the longer side keeps (default: all)
 */
export function openRaster(width: number, height: number, minSide?: number): RasterWriter {
  const longer = Math.max(width, height);
  const factor = Math.max(1, Math.floor(longer / (minSide ?? longer)));
  return factor === 1 ? wholeRaster(width, height) : reducedRaster(width, height, factor);
}

function wholeRaster(width: number, height: number): RasterWriter {
  const data = new Uint8Array(4 * width * height);
  return {
    write: (y, row) => data.set(row, 4 * y * width),
    finish: () => ({ width, height, data }),
  };
}

function reducedRaster(fullWidth: number, fullHeight: number, factor: number): RasterWriter {
  const width = Math.ceil(fullWidth / factor);
  const height = Math.ceil(fullHeight / factor);
  const data = new Uint8Array(4 * width * height);
  /** Per pixel of a row: colours multiplied by alpha, and alpha. */
  const sums = new Float64Array(4 * width);
  let rows = 0;
  let current = 0;
  const flush = () => {
    for (let x = 0; x < width; x++) {
      const count = rows * Math.min(factor, fullWidth - x * factor);
      const alpha = sums[4 * x + 3] as number;
      const to = 4 * (current * width + x);
      for (let i = 0; i < 3 && alpha > 0; i++) {
        data[to + i] = Math.round((sums[4 * x + i] as number) / alpha);
      }
      data[to + 3] = Math.round(alpha / count);
    }
    sums.fill(0);
    rows = 0;
  };
  return {
    write(y, row) {
      const target = Math.floor(y / factor);
      if (target !== current && rows > 0) flush();
      current = target;
      rows++;
      for (let x = 0, from = 0, to = 0, left = factor; x < fullWidth; x++, from += 4) {
        const alpha = row[from + 3] as number;
        sums[to] = (sums[to] as number) + (row[from] as number) * alpha;
        sums[to + 1] = (sums[to + 1] as number) + (row[from + 1] as number) * alpha;
        sums[to + 2] = (sums[to + 2] as number) + (row[from + 2] as number) * alpha;
        sums[to + 3] = (sums[to + 3] as number) + alpha;
        if (--left === 0) {
          left = factor;
          to += 4;
        }
      }
    },
    finish() {
      if (rows > 0) flush();
      const original = { width: fullWidth, height: fullHeight };
      const extent = { x: 0, y: 0, width: fullWidth / factor, height: fullHeight / factor };
      return { width, height, data, reduced: { original, extent } };
    },
  };
}
