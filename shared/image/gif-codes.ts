import { ImageError } from './image-error.ts';

const largestCodeBits = 12;
const largestTable = 2 ** largestCodeBits;

/**
 * Expands a GIF frame's LZW codes (https://www.w3.org/Graphics/GIF/spec-gif89a.txt, appendix F) until all its pixels are there.
 *
 * @param minimumCodeSize bits of a pixel, 2 to 8
 * @param blocks the codes in blocks that each start with their length
 * @param count how many pixels there are to be
 * @returns a colour's number for each pixel
 * @throws {ImageError} where a code is not defined, or the pixels end too early
 */
export function expandGifCodes(
  minimumCodeSize: number,
  blocks: Uint8Array,
  count: number,
): Uint8Array {
  if (minimumCodeSize < 1 || minimumCodeSize > 8) {
    throw damaged(`its codes start with ${minimumCodeSize} bits`);
  }
  const clear = 1 << minimumCodeSize;
  const end = clear + 1;
  // Code n stands for what code prefix[n] stands for, then the pixel last[n]; length[n] pixels in all.
  const prefix = new Uint16Array(largestTable);
  const last = new Uint8Array(largestTable);
  const length = new Uint16Array(largestTable);
  for (let pixel = 0; pixel < clear; pixel++) {
    last[pixel] = pixel;
    length[pixel] = 1;
  }
  const pixels = new Uint8Array(count);
  let written = 0;
  let next = end + 1;
  let codeBits = minimumCodeSize + 1;
  let previous = -1;
  let first = 0;
  let bits = 0;
  let bitCount = 0;
  let offset = 0;
  let blockEnd = 0;
  while (written < count) {
    while (bitCount < codeBits) {
      if (offset === blockEnd) {
        const blockLength = blocks[offset] ?? 0;
        if (blockLength === 0) throw cutOff(written, count);
        offset += 1;
        blockEnd = offset + blockLength;
      }
      const byte = blocks[offset++];
      if (byte === undefined) throw cutOff(written, count);
      bits |= byte << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << codeBits) - 1);
    bits >>>= codeBits;
    bitCount -= codeBits;
    if (code === clear) {
      next = end + 1;
      codeBits = minimumCodeSize + 1;
      previous = -1;
      continue;
    }
    if (code === end) throw cutOff(written, count);
    // The one code that may be used before it is defined is the one that this step defines.
    const isNew = code === next && previous !== -1;
    if (code > next || (code === next && !isNew)) throw damaged(`its code ${code} is not defined`);
    const known = isNew ? previous : code;
    const stop = written + (length[known] as number);
    let walk = known;
    for (let at = stop - 1; at >= written; at--) {
      if (at < count) pixels[at] = last[walk] as number;
      first = last[walk] as number;
      walk = prefix[walk] as number;
    }
    written = stop;
    if (isNew && written < count) pixels[written] = first;
    if (isNew) written += 1;
    if (previous !== -1 && next < largestTable) {
      prefix[next] = previous;
      last[next] = first;
      length[next] = (length[previous] as number) + 1;
      next += 1;
      if (next === 1 << codeBits && codeBits < largestCodeBits) codeBits += 1;
    }
    previous = code;
  }
  return pixels;
}

const cutOff = (written: number, count: number) =>
  damaged(`its data ends after ${written} of ${count} pixels`);

const damaged = (why: string) => new ImageError('bad_image', `The GIF is damaged: ${why}.`);
