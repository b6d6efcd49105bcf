import { PANEL, storePair } from './vector';

/**
 * Copies a matrix [rows, columns] into panels of eight columns, [ceil(columns / 8)][rows][8], which the
 * multiplication reads in order. Missing columns of the last panel become 0.
 *
 * @param rowStride, columnStride in floats: (columns, 1) for a row-major matrix, (1, rows) for its transpose
 * @param panelStride bytes between panels of the target
 */
export function packPanels(
  source: usize,
  rows: i32,
  columns: i32,
  rowStride: i32,
  columnStride: i32,
  target: usize,
  panelStride: i32,
): void {
  const rowBytes = <usize>rowStride << 2;
  const columnBytes = <usize>columnStride << 2;
  for (let first = 0; first < columns; first += PANEL) {
    const width = min(PANEL, columns - first);
    let from = source + <usize>first * columnBytes;
    let to = target + <usize>(first / PANEL) * <usize>panelStride;
    if (width == PANEL && columnStride == 1) {
      for (let row = 0; row < rows; row++) {
        storePair(to, v128.load(from), v128.load(from, 16));
        from += rowBytes;
        to += 32;
      }
    } else if (width == PANEL) {
      const from1 = columnBytes;
      const from2 = columnBytes * 2;
      const from3 = columnBytes * 3;
      for (let row = 0; row < rows; row++) {
        store<f32>(to, load<f32>(from));
        store<f32>(to, load<f32>(from + from1), 4);
        store<f32>(to, load<f32>(from + from2), 8);
        store<f32>(to, load<f32>(from + from3), 12);
        const next = from + columnBytes * 4;
        store<f32>(to, load<f32>(next), 16);
        store<f32>(to, load<f32>(next + from1), 20);
        store<f32>(to, load<f32>(next + from2), 24);
        store<f32>(to, load<f32>(next + from3), 28);
        from += rowBytes;
        to += 32;
      }
    } else {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < PANEL; column++) {
          const value = column < width ? load<f32>(from + <usize>column * columnBytes) : <f32>0;
          store<f32>(to + (<usize>column << 2), value);
        }
        from += rowBytes;
        to += 32;
      }
    }
  }
}
