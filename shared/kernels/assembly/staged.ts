import { CHUNK_DEPTH, multiplyChunk, STAGE } from '../build/staged-chunk';
import { PANEL } from './vector';

/** Bytes at the bottom of the memory that the kernels keep for themselves. */
export function reservedBytes(): i32 {
  return <i32>STAGE + 4 * CHUNK_DEPTH * 4;
}

/** Whether multiplyStaged can compute a product of this depth. */
// @ts-ignore: decorator
@inline
export function isStaged(depth: i32): bool {
  return depth % CHUNK_DEPTH == 0;
}

/**
 * out = left * right, like multiplyRows, for a runtime that checks each memory access. A tile's rows are copied once for all
 * columns to addresses that need no check. See infra/generate/kernels.ts.
 *
 * @param left [rows, depth]
 * @param rows a multiple of 4
 * @param depth a multiple of CHUNK_DEPTH
 * @param right packed by packPanels, [columns / 8][depth][8]
 * @param columns a multiple of 8
 * @param out [rows, columns]
 */
export function multiplyStaged(
  left: usize,
  rows: i32,
  depth: i32,
  right: usize,
  columns: i32,
  out: usize,
): void {
  const leftRow = <usize>depth << 2;
  const outRow = <usize>columns << 2;
  const panelBytes = <usize>depth << 5;
  const stagedRow = <usize>CHUNK_DEPTH << 2;
  for (let row = 0; row < rows; row += 4) {
    for (let chunk = 0; chunk < depth; chunk += CHUNK_DEPTH) {
      let from = left + (<usize>chunk << 2);
      for (let to = STAGE; to < STAGE + stagedRow * 4; to += stagedRow) {
        for (let at: usize = 0; at < stagedRow; at += 16) {
          v128.store(to + at, v128.load(from + at));
        }
        from += leftRow;
      }
      let panel = right + (<usize>chunk << 5);
      for (let column = 0; column < columns; column += PANEL) {
        multiplyChunk(panel, out + (<usize>column << 2), outRow, chunk);
        panel += panelBytes;
      }
    }
    left += leftRow * 4;
    out += outRow * 4;
  }
}
