import type { CorpusFile } from './corpus-file.ts';

/** @returns a list of the files as JSON, its length before it, their bytes after it */
export function packCorpus(files: CorpusFile[]): Uint8Array {
  const list = new TextEncoder().encode(
    JSON.stringify(files.map(({ index, kind, bytes }) => [index, kind, bytes.byteLength])),
  );
  const parts = [new Uint8Array(new Uint32Array([list.byteLength]).buffer), list];
  const all = [...parts, ...files.map(({ bytes }) => bytes)];
  const packed = new Uint8Array(all.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of all) {
    packed.set(part, offset);
    offset += part.byteLength;
  }
  return packed;
}

/** @param packed what `packCorpus` returned */
export function unpackCorpus(packed: ArrayBuffer): CorpusFile[] {
  const length = new DataView(packed).getUint32(0, true);
  const list: [number, string, number][] = JSON.parse(
    new TextDecoder().decode(new Uint8Array(packed, 4, length)),
  );
  let offset = 4 + length;
  return list.map(([index, kind, byteLength]) => {
    const bytes = new Uint8Array(packed.slice(offset, offset + byteLength));
    offset += byteLength;
    return { index, kind, bytes };
  });
}
