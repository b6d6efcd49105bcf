import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  augmentInto,
  drawChanges,
  type ImageChange,
  type ImageShape,
} from '../../../trainer/train/augment.ts';

const augmented = (
  pixels: Uint8Array,
  shape: ImageShape,
  change: ImageChange,
  augmentation: { flip: boolean; shift: number; erase: number },
) => {
  const target = new Uint8Array(pixels.length).fill(99);
  augmentInto(target, pixels, shape, change, augmentation);
  return target;
};

it('moves each pixel to its place', () => {
  const changes = fc.record({
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    channels: fc.integer({ min: 1, max: 3 }),
    mirrored: fc.boolean(),
    right: fc.integer({ min: -10, max: 10 }),
    down: fc.integer({ min: -10, max: 10 }),
    column: fc.nat(8),
    row: fc.nat(8),
    flip: fc.boolean(),
    erase: fc.nat(9),
  });
  fc.assert(
    fc.property(changes, (change) => {
      const { height, width, channels, right, down, column, row, erase } = change;
      const pixels = Uint8Array.from({ length: height * width * channels }, (_, i) => i + 1);
      const result = augmented(pixels, [height, width, channels], change, { ...change, shift: 10 });
      const at = (y: number, x: number, channel: number) => {
        const [top, left] = [row - Math.floor(erase / 2), column - Math.floor(erase / 2)];
        if (y >= top && y < top + erase && x >= left && x < left + erase) return 0;
        const [movedY, movedX] = [y - down, x - right];
        // Behind grey images is black. In colour, the edge is repeated.
        const fromY = Math.max(0, Math.min(height - 1, movedY));
        const unshifted = Math.max(0, Math.min(width - 1, movedX));
        if (channels === 1 && (fromY !== movedY || unshifted !== movedX)) return 0;
        const fromX = change.flip && change.mirrored ? width - 1 - unshifted : unshifted;
        return pixels[(fromY * width + fromX) * channels + channel];
      };
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          for (let channel = 0; channel < channels; channel++) {
            expect(result[(y * width + x) * channels + channel]).toBe(at(y, x, channel));
          }
        }
      }
    }),
  );
});

it('draws every augmentation from the seed only', () => {
  const draw = (seed: string) =>
    drawChanges(5000, { flip: true, shift: 2, erase: 0 }, [28, 28, 1], seed);
  const changes = draw('1/augment/0');
  expect(draw('1/augment/0')).toEqual(changes);
  expect(draw('1/augment/1')).not.toEqual(changes);
  const countOf = (what: (change: ImageChange) => number | boolean) =>
    Array.from(Map.groupBy(changes, what).values(), ({ length }) => length);
  for (const [what, values] of [
    [({ mirrored }: ImageChange) => mirrored, 2],
    [({ right }: ImageChange) => right, 5],
    [({ down }: ImageChange) => down, 5],
    [({ column }: ImageChange) => column, 28],
    [({ row }: ImageChange) => row, 28],
  ] as const) {
    const counts = countOf(what);
    expect(counts.length).toBe(values);
    const mean = changes.length / values;
    // Five standard deviations.
    for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(5 * Math.sqrt(mean));
  }
  expect(changes.every(({ right, down }) => Math.abs(right) <= 2 && Math.abs(down) <= 2)).toBe(
    true,
  );
});
