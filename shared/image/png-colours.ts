import { corrupt, type PngChunks, samplesPerPixel } from './png-chunks.ts';

export type RowConverter = (row: Uint8Array, columns: number, target: Uint8Array) => void;

/**
 * Chooses how the rows of a PNG become RGBA.
 *
 * @param scale the factor of samples of 16 bits
 * @returns a function that writes an unfiltered row as RGBA
 */
export function rowConverter(chunks: PngChunks, scale: number): RowConverter {
  const { palette, transparency } = chunks;
  const { depth, colorType } = chunks.header;
  const samples = samplesPerPixel[colorType] as number;
  const colors = samples >= 3 ? 3 : 1;
  const maxSample = 2 ** depth - 1;
  /** The sample as stored, which tRNS is compared with. */
  const rawSample = (row: Uint8Array, i: number) => {
    if (depth === 8) return row[i] as number;
    if (depth === 16) return ((row[2 * i] as number) << 8) | (row[2 * i + 1] as number);
    const bit = i * depth;
    return ((row[bit >> 3] as number) >> (8 - depth - (bit & 7))) & maxSample;
  };
  const toByte = (raw: number) =>
    depth === 8 ? raw : depth === 16 ? (raw * scale) >> 8 : (raw * 255) / maxSample;
  const transparent = transparentColor(colorType, transparency, samples);

  const fromPalette: RowConverter = (row, columns, target) => {
    for (let column = 0, to = 0; column < columns; column++, to += 4) {
      const index = rawSample(row, column);
      if (palette === null || 3 * index + 2 >= palette.length) {
        throw corrupt(`its palette has no colour ${index}`);
      }
      for (let i = 0; i < 3; i++) target[to + i] = palette[3 * index + i] as number;
      target[to + 3] = transparency?.[index] ?? 255;
    }
  };
  const fromSamples: RowConverter = (row, columns, target) => {
    for (let column = 0, to = 0; column < columns; column++, to += 4) {
      const first = column * samples;
      let matches = transparent !== null;
      for (let i = 0; i < 3; i++) {
        const channel = colors === 3 ? i : 0;
        const raw = rawSample(row, first + channel);
        target[to + i] = toByte(raw);
        matches &&= raw === transparent?.[channel];
      }
      const alpha = samples === colors ? 255 : toByte(rawSample(row, first + colors));
      target[to + 3] = matches ? 0 : alpha;
    }
  };
  const asStored: RowConverter = (row, columns, target) => target.set(row.subarray(0, 4 * columns));
  if (colorType === 6 && depth === 8) return asStored;
  return colorType === 3 ? fromPalette : fromSamples;
}

/** Returns the one colour that tRNS makes transparent, if there is neither palette nor alpha. */
function transparentColor(colorType: number, transparency: Uint8Array | null, samples: number) {
  if (transparency === null || (colorType !== 0 && colorType !== 2)) return null;
  if (transparency.byteLength !== 2 * samples) {
    throw corrupt('its transparent colour (tRNS) has the wrong length');
  }
  return Array.from(
    { length: samples },
    (_, i) => ((transparency[2 * i] as number) << 8) | (transparency[2 * i + 1] as number),
  );
}
