/** How a camera was held, as EXIF says it: 1 upright, 2..8 mirrored or turned. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const orientationTag = 0x0112;
const shortType = 3;
const entryBytes = 12;

/**
 * Reads the orientation out of EXIF data, the one field of it that changes a picture (a library that reads all of EXIF
 * would be a tenth of the Worker). EXIF is a hint: where it is damaged, the picture stands as it is.
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
    const value = view.getUint16(at + 8, isLittleEndian);
    const isValid = view.getUint16(at + 2, isLittleEndian) === shortType && value >= 1;
    return isValid && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}
