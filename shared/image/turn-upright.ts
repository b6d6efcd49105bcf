import type { Orientation } from './exif-orientation.ts';
import type { RasterImage } from './raster-image.ts';

/**
 * Turns and mirrors a picture as its EXIF orientation says, so that its top is up.
 *
 * @param orientation where the file's first row and first column lie in the scene, 1 to 8
 */
export function turnUpright(image: RasterImage, orientation: Orientation): RasterImage {
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
  return { width: newWidth, height: newHeight, data };
}
