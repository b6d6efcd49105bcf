/** Masks are 1 for foreground and 0 for background, a byte a pixel, row by row. */

/** Removes the parts that are narrower than 2x2 pixels, in place. */
export function openMask(mask: Uint8Array, width: number, height: number): void {
  const eroded = new Uint8Array(mask.length);
  for (let y = 1; y < height; y++) {
    for (let x = 1; x < width; x++) {
      const i = y * width + x;
      eroded[i] =
        (mask[i] as number) &
        (mask[i - 1] as number) &
        (mask[i - width] as number) &
        (mask[i - width - 1] as number);
    }
  }
  mask.fill(0);
  for (let i = 0; i < mask.length; i++) {
    if (!eroded[i]) continue;
    mask[i] = 1;
    mask[i - 1] = 1;
    mask[i - width] = 1;
    mask[i - width - 1] = 1;
  }
}

/**
 * Keeps the largest region and those of at least a share of its size, and fills their holes, in place.
 *
 * @returns pixels of the largest region, 0 if there is none
 */
export function keepLargeRegions(
  mask: Uint8Array,
  width: number,
  height: number,
  minShare: number,
): number {
  const regions = labelRegions(mask, width, height, 1);
  const largest = regions.sizes.reduce((max, size) => Math.max(max, size), 0);
  for (let i = 0; i < mask.length; i++) {
    const size = regions.sizes[regions.labels[i] as number] as number;
    mask[i] = mask[i] && size >= minShare * largest ? 1 : 0;
  }
  const gaps = labelRegions(mask, width, height, 0);
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i] && !gaps.touchesEdge[gaps.labels[i] as number]) mask[i] = 1;
  }
  return largest;
}

/** Numbers the 4-connected regions of a value from 1 on. */
function labelRegions(mask: Uint8Array, width: number, height: number, value: number) {
  const labels = new Int32Array(mask.length);
  const sizes = [0];
  const touchesEdge = [false];
  const stack = new Int32Array(mask.length);
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] !== value || labels[start]) continue;
    const label = sizes.length;
    let waiting = 0;
    let size = 0;
    let isAtEdge = false;
    const visit = (i: number) => {
      if (mask[i] !== value || labels[i]) return;
      labels[i] = label;
      stack[waiting++] = i;
    };
    visit(start);
    while (waiting > 0) {
      const i = stack[--waiting] as number;
      const x = i % width;
      const y = Math.floor(i / width);
      size++;
      isAtEdge ||= x === 0 || y === 0 || x === width - 1 || y === height - 1;
      if (x > 0) visit(i - 1);
      if (x < width - 1) visit(i + 1);
      if (y > 0) visit(i - width);
      if (y < height - 1) visit(i + width);
    }
    sizes.push(size);
    touchesEdge.push(isAtEdge);
  }
  return { labels, sizes, touchesEdge };
}

/** Returns the smallest rectangle around the foreground, in pixels. */
export function maskBounds(mask: Uint8Array, width: number) {
  let [left, right, top, bottom] = [width, -1, mask.length / width, -1];
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    const x = i % width;
    const y = Math.floor(i / width);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}
