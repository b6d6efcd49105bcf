import { multiplyTile } from '../build/tile';
import { multiplyAdd } from './vector';
import { highRow, lowRow, POINTS, transformInput } from './winograd';

/**
 * 3x3 convolution with stride 1 by Winograd's F(2x2, 3x3), like winogradPooled but with pooling or without. The image lies in a frame,
 * in which every tile of 4x4 pixels is whole. Works on bands of tiles, so that the transforms stay in the cache.
 *
 * @param x the address of the first tile
 * @param xRow bytes between rows of `x`
 * @param inChannels a multiple of 4
 * @param height, width of the convolution's result
 * @param filter from winogradFilter
 * @param outChannels a multiple of 8
 * @param scale, bias outChannels floats each
 * @param add the first pixel of an image to add, or 0 for none
 * @param pool 1 for the largest value of each tile, 0 for all
 * @param bandRows rows of tiles per band
 * @param scratch 64 * (inChannels + outChannels) bytes per tile of a band, whose tiles are rounded up to a multiple of 4
 */
export function convolveByWinograd(
  x: usize,
  xRow: usize,
  inChannels: i32,
  height: i32,
  width: i32,
  filter: usize,
  outChannels: i32,
  scale: usize,
  bias: usize,
  add: usize,
  addRow: usize,
  lowest: f32,
  highest: f32,
  pool: i32,
  out: usize,
  outRow: usize,
  bandRows: i32,
  scratch: usize,
): void {
  const tileRows = pool ? height >> 1 : (height + 1) >> 1;
  const tileColumns = pool ? width >> 1 : (width + 1) >> 1;
  const filterBytes = <usize>(inChannels * outChannels) << 2;
  const inPixel = <usize>inChannels << 2;
  const outPixel = <usize>outChannels << 2;
  const none = f32.MAX_VALUE;
  for (let tileRow = 0; tileRow < tileRows; tileRow += bandRows) {
    const band = min(bandRows, tileRows - tileRow);
    const tiles = (band * tileColumns + 3) & ~3;
    const inPoint = <usize>tiles * inPixel;
    const outPoint = <usize>tiles * outPixel;
    const products = scratch + inPoint * POINTS;
    transformInput(x, xRow, band, tileColumns, inChannels, scratch, inPoint);
    for (let point = 0; point < POINTS; point++) {
      let left = scratch + inPoint * <usize>point;
      let product = products + outPoint * <usize>point;
      const right = filter + filterBytes * <usize>point;
      for (let tile = 0; tile < tiles; tile += 4) {
        multiplyTile(
          left, left + inPixel, left + inPixel * 2, left + inPixel * 3,
          inChannels, right, outChannels, 0, 0, 0, 0, 0, 0,
          product, product + outPixel, product + outPixel * 2, product + outPixel * 3,
          -none, none,
        );
        left += inPixel * 4;
        product += outPixel * 4;
      }
    }
    const rows = height - tileRow * 2;
    storeTiles(
      products, outPoint, band, tileColumns, rows, width, outChannels,
      scale, bias, add, addRow, lowest, highest, pool, out, outRow,
    );
    x += xRow * <usize>(band * 2);
    add += add ? addRow * <usize>(band * 2) : 0;
    out += outRow * <usize>(pool ? band : band * 2);
  }
}

/** clamp(Aᵀ m A scale + bias + add) of every tile. Pixels outside of `rows` and `width` are dropped. */
function storeTiles(
  products: usize,
  pointBytes: usize,
  tileRows: i32,
  tileColumns: i32,
  rows: i32,
  width: i32,
  channels: i32,
  scale: usize,
  bias: usize,
  add: usize,
  addRow: usize,
  lowest: f32,
  highest: f32,
  pool: i32,
  out: usize,
  outRow: usize,
): void {
  const floor = f32x4.splat(lowest);
  const ceiling = f32x4.splat(highest);
  const pixel = <usize>channels << 2;
  for (let tileRow = 0; tileRow < tileRows; tileRow++) {
    const hasBottom = tileRow * 2 + 1 < rows;
    let target = out;
    let addend = add;
    for (let tileColumn = 0; tileColumn < tileColumns; tileColumn++) {
      const hasRight = tileColumn * 2 + 1 < width;
      for (let at: usize = 0; at < pixel; at += 16) {
        const low0 = lowRow(products, pointBytes);
        const high0 = highRow(products, pointBytes);
        const low1 = lowRow(products + pointBytes, pointBytes);
        const high1 = highRow(products + pointBytes, pointBytes);
        const low2 = lowRow(products + pointBytes * 2, pointBytes);
        const high2 = highRow(products + pointBytes * 2, pointBytes);
        const low3 = lowRow(products + pointBytes * 3, pointBytes);
        const high3 = highRow(products + pointBytes * 3, pointBytes);
        const factor = v128.load(scale + at);
        const start = v128.load(bias + at);
        const topLeft = f32x4.add(f32x4.add(low0, low1), low2);
        const topRight = f32x4.sub(f32x4.sub(low1, low2), low3);
        const bottomLeft = f32x4.add(f32x4.add(high0, high1), high2);
        const bottomRight = f32x4.sub(f32x4.sub(high1, high2), high3);
        if (pool) {
          const top = f32x4.pmax(multiplyAdd(topLeft, factor, start), multiplyAdd(topRight, factor, start));
          const bottom = f32x4.pmax(multiplyAdd(bottomLeft, factor, start), multiplyAdd(bottomRight, factor, start));
          v128.store(target + at, f32x4.pmin(f32x4.pmax(f32x4.pmax(top, bottom), floor), ceiling));
        } else {
          const below = target + outRow + at;
          const addBelow = addend + addRow + at;
          storePixel(target + at, multiplyAdd(topLeft, factor, start), add ? addend + at : 0, floor, ceiling);
          if (hasRight) {
            storePixel(target + pixel + at, multiplyAdd(topRight, factor, start), add ? addend + pixel + at : 0, floor, ceiling);
          }
          if (hasBottom) {
            storePixel(below, multiplyAdd(bottomLeft, factor, start), add ? addBelow : 0, floor, ceiling);
            if (hasRight) {
              storePixel(below + pixel, multiplyAdd(bottomRight, factor, start), add ? addBelow + pixel : 0, floor, ceiling);
            }
          }
        }
        products += 16;
      }
      target += pool ? pixel : pixel * 2;
      addend += pixel * 2;
    }
    out += pool ? outRow : outRow * 2;
    add += add ? addRow * 2 : 0;
  }
}

// @ts-ignore: decorator
@inline
function storePixel(to: usize, value: v128, add: usize, floor: v128, ceiling: v128): void {
  const sum = add ? f32x4.add(value, v128.load(add)) : value;
  v128.store(to, f32x4.pmin(f32x4.pmax(sum, floor), ceiling));
}
