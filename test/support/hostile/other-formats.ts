/** Large files of GIF and BMP that are small to send, and chunks of WebP. */

/** Returns a GIF of one frame; its codes repeat one pixel, in runs that grow, until the picture is full. */
export function plainGif(width: number, height: number): Uint8Array {
  const size = [width & 255, width >> 8, height & 255, height >> 8];
  return Buffer.concat([
    Buffer.from('GIF89a'),
    Uint8Array.of(...size, 0x80, 0, 0, 10, 20, 30, 200, 210, 220),
    Uint8Array.of(0x2c, 0, 0, 0, 0, ...size, 0, 2),
    ...inBlocks(growingRuns(width * height)),
    Uint8Array.of(0, 0x3b),
  ]);
}

/** Returns the parts of a GIF's data, each after its length. */
export function inBlocks(data: Uint8Array, length = 255): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += length) {
    const part = data.subarray(at, at + length);
    blocks.push(Uint8Array.of(part.length), part);
  }
  return blocks;
}

/** LZW codes of 2-bit pixels: each run is one pixel longer than the one before; a full table is cleared. */
function growingRuns(pixels: number): Uint8Array {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  let codeBits = 3;
  const put = (code: number) => {
    held |= code << bits;
    bits += codeBits;
    while (bits >= 8) {
      bytes.push(held & 255);
      held >>>= 8;
      bits -= 8;
    }
  };
  for (let written = 0; written < pixels; ) {
    codeBits = 3;
    put(4);
    put(0);
    written++;
    for (let next = 6, length = 2; next < 4096 && written < pixels; next++, length++) {
      put(next);
      written += length;
      if (next + 1 === 1 << codeBits && codeBits < 12) codeBits++;
    }
    // A clear code has the width of the last code.
  }
  put(5);
  bytes.push(held & 255, 0);
  return Uint8Array.from(bytes);
}

/** Returns a BMP of 8 bits a pixel in runs of 255. */
export function plainBmp(width: number, height: number): Uint8Array {
  const row: number[] = [];
  for (let x = 0; x < width; x += 255) row.push(Math.min(255, width - x), 1);
  row.push(0, 0);
  const palette = Buffer.alloc(8, 100);
  const head = Buffer.alloc(54);
  head.write('BM');
  head.writeUInt32LE(54 + palette.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(8, 28);
  head.writeUInt32LE(1, 30);
  head.writeUInt32LE(2, 46);
  return Buffer.concat([
    head,
    palette,
    Buffer.concat(Array<Buffer>(height).fill(Buffer.from(row))),
  ]);
}

/** Returns a WebP of chunks, as they are or not. */
export function webp(chunks: [type: string, data: Uint8Array][]): Uint8Array {
  const parts = chunks.map(([type, data]) => webpChunk(type, data));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(4 + parts.reduce((sum, part) => sum + part.length, 0));
  return Buffer.concat([Buffer.from('RIFF'), length, Buffer.from('WEBP'), ...parts]);
}

function webpChunk(type: string, data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, new Uint8Array(data.length & 1)]);
}
