import { ImageError } from './image-error.ts';

/** Markers of a frame header: SOF0 to SOF15 but for DHT (C4), JPG (C8) and DAC (CC). */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/**
 * Reads a JPEG's size from its frame header, without decoding it.
 *
 * @param bytes a file that starts with the JPEG signature
 * @returns width and height in pixels, and the number of colour components
 * @throws {ImageError} where no frame header is found
 */
export function readJpegSize(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 2;
  while (offset + 4 <= bytes.byteLength) {
    if (bytes[offset] !== 0xff) break;
    const marker = view.getUint8(offset + 1);
    // Any number of 0xff may fill up before a marker.
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    if (isFrameHeader(marker)) {
      if (offset + 10 > bytes.byteLength) break;
      const size = {
        height: view.getUint16(offset + 5),
        width: view.getUint16(offset + 7),
        components: view.getUint8(offset + 9),
      };
      if (size.width === 0 || size.height === 0) {
        throw new ImageError('bad_image', `The JPEG is ${size.width}x${size.height} pixels.`);
      }
      return size;
    }
    offset += 2 + view.getUint16(offset + 2);
  }
  throw new ImageError('bad_image', 'The JPEG is cut off or damaged: it has no frame header.');
}
