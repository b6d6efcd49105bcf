/** target[column, row] = source[row, column] */
export function transpose(source: usize, rows: i32, columns: i32, target: usize): void {
  const rowBytes = <usize>columns << 2;
  const outBytes = <usize>rows << 2;
  for (let row = 0; row < rows; row += 4) {
    for (let column = 0; column < columns; column += 4) {
      const from = source + <usize>row * rowBytes + (<usize>column << 2);
      const to = target + <usize>column * outBytes + (<usize>row << 2);
      if (row + 4 <= rows && column + 4 <= columns) {
        const a = v128.load(from);
        const b = v128.load(from + rowBytes);
        const c = v128.load(from + rowBytes * 2);
        const d = v128.load(from + rowBytes * 3);
        const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
        const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
        const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
        const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
        v128.store(to, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5));
        v128.store(to + outBytes, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7));
        v128.store(to + outBytes * 2, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
        v128.store(to + outBytes * 3, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
      } else {
        for (let i = 0; i < min(4, rows - row); i++) {
          for (let j = 0; j < min(4, columns - column); j++) {
            store<f32>(
              to + <usize>j * outBytes + (<usize>i << 2),
              load<f32>(from + <usize>i * rowBytes + (<usize>j << 2)),
            );
          }
        }
      }
    }
  }
}
