/** A decoded picture: `data` holds red, green, blue and alpha, a byte each, row by row. */
export interface RasterImage {
  width: number;
  height: number;
  data: Uint8Array;
}
