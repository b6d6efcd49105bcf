/** Turns the samples of a JPEG's components into RGBA. */
import { ACROSS, BLOCKS_A_LINE, DOWN, PLANE, componentAddress } from './jpeg-memory';

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
 * Writes the picture as RGBA. The samples of components with smaller sampling factors are repeated.
 *
 * @param width, height the picture's size after its reduction
 * @param maxAcross, maxDown the largest sampling factors
 */
export function writeRgba(
  out: usize,
  width: i32,
  height: i32,
  size: i32,
  colours: i32,
  maxAcross: i32,
  maxDown: i32,
): void {
  const c0 = componentAddress(0);
  const c1 = componentAddress(1);
  const c2 = componentAddress(2);
  const c3 = componentAddress(3);
  const across0 = load<i32>(c0 + ACROSS);
  const across1 = load<i32>(c1 + ACROSS);
  const across2 = load<i32>(c2 + ACROSS);
  const across3 = load<i32>(c3 + ACROSS);
  let to = out;
  for (let y = 0; y < height; y++) {
    const row0 = rowOf(c0, y, size, maxDown);
    const row1 = colours == GREY ? row0 : rowOf(c1, y, size, maxDown);
    const row2 = colours == GREY ? row0 : rowOf(c2, y, size, maxDown);
    const row3 = colours < CMYK ? row0 : rowOf(c3, y, size, maxDown);
    for (let x = 0; x < width; x++) {
      const first = <i32>load<u8>(row0 + (across0 == maxAcross ? x : (x * across0) / maxAcross));
      let red = first;
      let green = first;
      let blue = first;
      if (colours != GREY) {
        const second = <i32>load<u8>(row1 + (across1 == maxAcross ? x : (x * across1) / maxAcross));
        const third = <i32>load<u8>(row2 + (across2 == maxAcross ? x : (x * across2) / maxAcross));
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
          const black = <i32>load<u8>(row3 + (across3 == maxAcross ? x : (x * across3) / maxAcross));
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

// @ts-ignore: decorator
@inline
function rowOf(component: usize, y: i32, size: i32, maxDown: i32): usize {
  const down = load<i32>(component + DOWN);
  const row = down == maxDown ? y : (y * down) / maxDown;
  return load<usize>(component + PLANE) + <usize>(row * load<i32>(component + BLOCKS_A_LINE) * size);
}
