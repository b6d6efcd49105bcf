import { freeArray, type RasterImage } from './image.ts';

/** EXIF's orientation: 1 is upright, 2..8 are mirrored or rotated. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const orientationTag = 0x0112;
/** TIFF's types SHORT and LONG; the standard says SHORT, some programs write LONG. */
const types = { short: 3, long: 4 };
const entryBytes = 12;

/**
 * Reads the orientation from EXIF data. No other field changes a picture, and a library for all of EXIF would be a tenth of the Worker.
 * If the data is corrupt, the picture stays as it is.
 * https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf, 4.6.4 and 4.6.5.1
 *
 * @param exif a TIFF structure, with or without `Exif\0\0` before it
 */
export function exifOrientation(exif: Uint8Array): Orientation {
  const hasPrefix = exif[0] === 0x45 && exif[1] === 0x78;
  const tiff = hasPrefix ? exif.subarray(6) : exif;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (view.byteLength < 8) return 1;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const isLittleEndian = order === 0x4949;
  const directory = view.getUint32(4, isLittleEndian);
  if (directory + 2 > view.byteLength) return 1;
  const entries = view.getUint16(directory, isLittleEndian);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + entry * entryBytes;
    if (at + entryBytes > view.byteLength) return 1;
    if (view.getUint16(at, isLittleEndian) !== orientationTag) continue;
    const type = view.getUint16(at + 2, isLittleEndian);
    const value =
      type === types.long
        ? view.getUint32(at + 8, isLittleEndian)
        : view.getUint16(at + 8, isLittleEndian);
    const isValid = (type === types.short || type === types.long) && value >= 1 && value <= 8;
    return isValid ? (value as Orientation) : 1;
  }
  return 1;
}

/**
 * Rotates and mirrors a picture so that it is upright. The given picture is empty afterwards, unless it is upright already.
 *
 * @param orientation EXIF's, 1 to 8
 */
export function applyOrientation(image: RasterImage, orientation: Orientation): RasterImage {
  if (orientation === 1) return image;
  const { width, height } = image;
  const isSideways = orientation >= 5;
  const newWidth = isSideways ? height : width;
  const newHeight = isSideways ? width : height;
  // Mirrored along the file's own rows and columns, before the two are swapped.
  const mirrorsX = [2, 3, 7, 8].includes(orientation);
  const mirrorsY = [3, 4, 6, 7].includes(orientation);
  const source = new DataView(image.data.buffer, image.data.byteOffset, image.data.byteLength);
  const data = new Uint8Array(image.data.byteLength);
  const target = new DataView(data.buffer);
  for (let y = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++) {
      const column = isSideways ? y : x;
      const row = isSideways ? x : y;
      const fromX = mirrorsX ? width - 1 - column : column;
      const fromY = mirrorsY ? height - 1 - row : row;
      target.setUint32(4 * (y * newWidth + x), source.getUint32(4 * (fromY * width + fromX)));
    }
  }
  freeArray(image.data);
  const turned = { width: newWidth, height: newHeight, data };
  if (!image.reduced) return turned;
  const { original, extent } = image.reduced;
  const mirrored = {
    ...extent,
    x: mirrorsX ? width - extent.x - extent.width : extent.x,
    y: mirrorsY ? height - extent.y - extent.height : extent.y,
  };
  if (!isSideways) return { ...turned, reduced: { original, extent: mirrored } };
  const { x, y } = mirrored;
  const reduced = {
    original: { width: original.height, height: original.width },
    extent: { x: y, y: x, width: extent.height, height: extent.width },
  };
  return { ...turned, reduced };
}
