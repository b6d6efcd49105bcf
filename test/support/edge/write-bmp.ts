export interface BmpParts {
  width: number;
  /** Negative if the first row is the top one. */
  height: number;
  bitsPerPixel: number;
  /** 0 none, 1 and 2 runs, 3 masks (default: 0). */
  compression?: number;
  /** Red, green, blue and alpha masks, behind a header of 40 bytes. */
  masks?: number[];
  /** Four bytes per colour: blue, green, red, 0. */
  palette?: number[];
  /** Rows or runs, as in the file. */
  data: number[];
}

/** Writes a BMP of the kinds that no encoder here writes. */
export function writeBmp(parts: BmpParts): Uint8Array {
  const { width, height, bitsPerPixel, compression = 0, masks = [], palette = [], data } = parts;
  const dataOffset = 54 + 4 * masks.length + palette.length;
  const bytes = new Uint8Array(dataOffset + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, dataOffset, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bitsPerPixel, true);
  view.setUint32(30, compression, true);
  view.setUint32(46, palette.length / 4, true);
  for (const [i, mask] of masks.entries()) view.setUint32(54 + 4 * i, mask, true);
  bytes.set(palette, 54 + 4 * masks.length);
  bytes.set(data, dataOffset);
  return bytes;
}
