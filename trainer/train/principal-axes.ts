/** A direction of unit length, and the variance along it. */
interface PrincipalAxis {
  axis: Float64Array;
  variance: number;
}

/** Each sweep about squares what is left of the other elements. */
const maxSweeps = 30;

/**
 * Returns the eigenvectors of a symmetric matrix, that of the largest eigenvalue first, by Jacobi's rotations (Golub & Van Loan, Matrix
 * Computations, 8.5). The largest number of each eigenvector is positive, so that the same matrix always gives the same signs.
 *
 * @param matrix [size, size], row by row
 */
export function principalAxes(matrix: Float64Array, size: number): PrincipalAxis[] {
  const a = matrix.slice();
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let isDiagonal = true;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        if (rotate(a, vectors, size, p, q)) isDiagonal = false;
      }
    }
    if (isDiagonal) break;
  }
  const axes = Array.from({ length: size }, (_, column): PrincipalAxis => {
    const axis = Float64Array.from(
      { length: size },
      (_, row) => vectors[row * size + column] as number,
    );
    const largest = axis.reduce(
      (best, value) => (Math.abs(value) > Math.abs(best) ? value : best),
      0,
    );
    return {
      axis: largest < 0 ? axis.map((value) => -value) : axis,
      variance: Math.max(0, a[column * size + column] as number),
    };
  });
  return axes.sort((one, other) => other.variance - one.variance);
}

/** Makes elements (p, q) and (q, p) 0 by a rotation of both rows and columns. @returns whether they were not yet */
function rotate(
  a: Float64Array,
  vectors: Float64Array,
  size: number,
  p: number,
  q: number,
): boolean {
  const at = (row: number, column: number) => a[row * size + column] as number;
  const off = at(p, q);
  if (Math.abs(off) <= 1e-15 * Math.sqrt(Math.abs(at(p, p) * at(q, q)))) return false;
  const theta = (at(q, q) - at(p, p)) / (2 * off);
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const cosine = 1 / Math.sqrt(tangent * tangent + 1);
  const sine = tangent * cosine;
  const turn = (values: Float64Array, one: number, other: number) => {
    const [x, y] = [values[one] as number, values[other] as number];
    values[one] = cosine * x - sine * y;
    values[other] = sine * x + cosine * y;
  };
  for (let i = 0; i < size; i++) turn(a, i * size + p, i * size + q);
  for (let i = 0; i < size; i++) turn(a, p * size + i, q * size + i);
  for (let i = 0; i < size; i++) turn(vectors, i * size + p, i * size + q);
  return true;
}
