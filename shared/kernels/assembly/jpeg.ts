/**
 * Decodes the scans of a JPEG (ITU-T T.81) at 1, 1/2, 1/4 or 1/8 of its size.
 *
 * A reduced size needs only the low frequencies of each block: 8x8 samples become `size` x `size`, as in libjpeg's scaled DCT.
 * shared/image/jpeg.ts owns the memory, reads the segments and fills the tables.
 */
import { bitsAddress, nextInterval, openBits } from './jpeg-bits';
import { progressiveBlock, resetBlocks, sequentialBlock } from './jpeg-blocks';
import { writeSamples } from './jpeg-inverse';
import {
  ACROSS,
  BLOCK,
  BLOCKS_A_LINE,
  COEFFICIENTS,
  COMPONENTS,
  DOWN,
  HEIGHT,
  QUANTIZER,
  WIDTH,
  componentAddress,
  quantizerAddress,
} from './jpeg-memory';

/** @returns the address of the next marker that is not a restart, or the end */
export function nextMarker(from: usize, to: usize): usize {
  let i = from;
  while (i + 1 < to) {
    if (load<u8>(i) == 0xff) {
      const marker = load<u8>(i + 1);
      if (marker != 0 && marker != 0xff && (marker < 0xd0 || marker > 0xd7)) return i;
    }
    i++;
  }
  return to;
}

/**
 * Decodes one scan.
 *
 * @param from address of the scan's first byte of data
 * @param to address of the file's end
 * @param scanned number of components in the scan; they come first in the memory's list
 * @param size width and height that a block of 8x8 samples is reduced to: 1, 2, 4 or 8
 * @param mcusAcross, mcusDown MCUs of the image; a scan of one component has its blocks instead
 * @param restarts MCUs between two restart markers, or 0 if there are none
 * @param first, final, high, low the band and its bits (progressive)
 * @returns the address behind the bytes that were read, or 0 if the data is corrupt or cut off
 */
export function decodeScan(
  from: usize,
  to: usize,
  scanned: i32,
  size: i32,
  mcusAcross: i32,
  mcusDown: i32,
  restarts: i32,
  progressive: i32,
  first: i32,
  final: i32,
  high: i32,
  low: i32,
): usize {
  openBits(from, to);
  resetBlocks();
  const single = scanned == 1;
  const across = single ? load<i32>(COMPONENTS + WIDTH) : mcusAcross;
  const down = single ? load<i32>(COMPONENTS + HEIGHT) : mcusDown;
  let left = restarts;
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      if (restarts > 0) {
        if (left == 0) {
          if (!nextInterval()) return 0;
          resetBlocks();
          left = restarts;
        }
        left--;
      }
      for (let i = 0; i < scanned; i++) {
        const component = componentAddress(i);
        const columns = single ? 1 : load<i32>(component + ACROSS);
        const rows = single ? 1 : load<i32>(component + DOWN);
        for (let v = 0; v < rows; v++) {
          for (let h = 0; h < columns; h++) {
            const row = y * rows + v;
            const column = x * columns + h;
            const block = row * load<i32>(component + BLOCKS_A_LINE) + column;
            const done = progressive
              ? progressiveBlock(component, size, block, first, final, high, low)
              : sequentialBlock(component, size, row, column);
            if (!done) return 0;
          }
        }
      }
    }
  }
  return bitsAddress();
}

/** Writes the samples of a progressive component after its last scan. */
export function finishComponent(index: i32, size: i32, lines: i32): void {
  const component = componentAddress(index);
  const across = load<i32>(component + BLOCKS_A_LINE);
  const quantizer = quantizerAddress(load<i32>(component + QUANTIZER));
  const values = size * size;
  let from = load<usize>(component + COEFFICIENTS);
  for (let row = 0; row < lines; row++) {
    for (let column = 0; column < across; column++) {
      let any = 0;
      for (let i = 0; i < values; i++) {
        const value = <i32>load<i16>(from + (<usize>i << 1));
        if (i) any |= value;
        store<f32>(BLOCK + (<usize>i << 2), <f32>value * load<f32>(quantizer + (<usize>i << 2)));
      }
      writeSamples(component, size, row, column, any);
      from += <usize>values << 1;
    }
  }
}
