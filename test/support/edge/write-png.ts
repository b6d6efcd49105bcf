import { crc32 } from '../../../shared/image/png-chunks.ts';

/** Writes a PNG chunk by chunk, for kinds that fast-png cannot write. */
export function writePng(header: number[], chunks: [string, Uint8Array][]): Uint8Array {
  const all: [string, Uint8Array][] = [
    ['IHDR', new Uint8Array(header)],
    ...chunks,
    ['IEND', new Uint8Array(0)],
  ];
  const parts = all.map(([type, data]) => {
    const bytes = new Uint8Array(12 + data.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, data.length);
    bytes.set(new TextEncoder().encode(type), 4);
    bytes.set(data, 8);
    view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
    return [...bytes];
  });
  return Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...parts.flat()]);
}

/** An IHDR's bytes. */
export const header = (
  width: number,
  height: number,
  depth: number,
  color: number,
  interlace = 0,
) => [
  0,
  0,
  width >> 8,
  width & 255,
  0,
  0,
  height >> 8,
  height & 255,
  depth,
  color,
  0,
  0,
  interlace,
];
