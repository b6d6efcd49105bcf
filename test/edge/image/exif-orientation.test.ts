import { describe, expect, it } from 'vitest';
import { applyOrientation, exifOrientation } from '../../../shared/image/orientation.ts';

const little = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0];
const big = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0];

describe('exifOrientation', () => {
  it('reads both byte orders, with or without the prefix', () => {
    expect(exifOrientation(Uint8Array.from(little))).toBe(6);
    expect(exifOrientation(Uint8Array.from(big))).toBe(8);
    expect(exifOrientation(Uint8Array.from([0x45, 0x78, 0x69, 0x66, 0, 0, ...little]))).toBe(6);
  });

  it('reads an orientation of type LONG', () => {
    expect(exifOrientation(Uint8Array.from(little.with(12, 4)))).toBe(6);
    expect(
      exifOrientation(Uint8Array.from([...big.slice(0, 12), 0, 4, 0, 0, 0, 1, 0, 0, 0, 8])),
    ).toBe(8);
  });

  it('takes a picture as upright if EXIF is corrupt or has no orientation', () => {
    for (let length = 0; length < little.length - 2; length++) {
      expect(exifOrientation(Uint8Array.from(little.slice(0, length)))).toBe(1);
    }
    expect(exifOrientation(Uint8Array.from(little.with(18, 9)))).toBe(1);
    expect(exifOrientation(Uint8Array.from(little.with(18, 0)))).toBe(1);
    expect(exifOrientation(Uint8Array.from(little.with(10, 0x13)))).toBe(1);
    expect(exifOrientation(Uint8Array.from(little.with(7, 255)))).toBe(1);
  });
});

describe('applyOrientation', () => {
  /** The pixels in the file, by orientation. Upright they are a b c / d e f. */
  it.each([
    [1, 3, 'abcdef'],
    [2, 3, 'cbafed'],
    [3, 3, 'fedcba'],
    [4, 3, 'defabc'],
    [5, 2, 'adbecf'],
    [6, 2, 'cfbead'],
    [7, 2, 'fcebda'],
    [8, 2, 'daebfc'],
  ] as const)('applies orientation %i', (orientation, width, letters) => {
    const data = Uint8Array.from(
      Array.from(letters, (letter) => [letter.charCodeAt(0), 0, 0, 255]).flat(),
    );
    const upright = applyOrientation({ width, height: 6 / width, data }, orientation);
    expect([upright.width, upright.height]).toEqual([3, 2]);
    const red = upright.data.filter((_, i) => i % 4 === 0);
    expect(String.fromCharCode(...red)).toBe('abcdef');
  });
});
