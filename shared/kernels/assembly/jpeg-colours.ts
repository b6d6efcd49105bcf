/** Turns the samples of a JPEG's components into RGBA. */
import { rowOf } from './jpeg-upsampling';

// The colours of the file. CMYK has inverted inks, as Adobe writes it. The numbers above CMYK are YCCK.
const GREY: i32 = 0;
const RGB: i32 = 1;
const YCC: i32 = 2;
const CMYK: i32 = 3;

// @ts-ignore: decorator
@inline
function clamp(value: i32): i32 {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/**
 * Writes the picture as RGBA.
 *
 * @param rows five buffers of `rowBytes`: a row of each component, and values in between
 * @param width, height the picture's size after its reduction
 * @param maxAcross, maxDown the largest sampling factors
 */
export function writeRgba(
  out: usize,
  rows: usize,
  rowBytes: usize,
  width: i32,
  height: i32,
  size: i32,
  colours: i32,
  maxAcross: i32,
  maxDown: i32,
): void {
  const sums = rows + 4 * rowBytes;
  let to = out;
  for (let y = 0; y < height; y++) {
    const row0 = rowOf(0, y, rows, sums, width, height, size, maxAcross, maxDown);
    let row1 = row0;
    let row2 = row0;
    let row3 = row0;
    if (colours != GREY) {
      row1 = rowOf(1, y, rows + rowBytes, sums, width, height, size, maxAcross, maxDown);
      row2 = rowOf(2, y, rows + 2 * rowBytes, sums, width, height, size, maxAcross, maxDown);
    }
    if (colours >= CMYK) {
      row3 = rowOf(3, y, rows + 3 * rowBytes, sums, width, height, size, maxAcross, maxDown);
    }
    for (let x: usize = 0; x < <usize>width; x++) {
      const first = <i32>load<u8>(row0 + x);
      let red = first;
      let green = first;
      let blue = first;
      if (colours != GREY) {
        const second = <i32>load<u8>(row1 + x);
        const third = <i32>load<u8>(row2 + x);
        if (colours == RGB || colours == CMYK) {
          green = second;
          blue = third;
        } else {
          const cb = second - 128;
          const cr = third - 128;
          // JFIF 1.02, with 16 bits of fraction.
          red = clamp(first + ((91881 * cr + 32768) >> 16));
          green = clamp(first + ((-22554 * cb - 46802 * cr + 32768) >> 16));
          blue = clamp(first + ((116130 * cb + 32768) >> 16));
        }
        if (colours >= CMYK) {
          const black = <i32>load<u8>(row3 + x);
          red = (red * black + 127) / 255;
          green = (green * black + 127) / 255;
          blue = (blue * black + 127) / 255;
        }
      }
      store<u32>(to, red | (green << 8) | (blue << 16) | 0xff000000);
      to += 4;
    }
  }
}
