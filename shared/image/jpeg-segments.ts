import { ImageError } from './image.ts';

export interface Component {
  id: number;
  /** Sampling factors, 1 to 4. */
  across: number;
  down: number;
  quantizer: number;
}

export interface Frame {
  width: number;
  height: number;
  progressive: boolean;
  components: Component[];
}

export interface Segment {
  marker: number;
  /** Offset of the bytes after the length. */
  start: number;
  end: number;
}

/** Markers that stand for themselves and for a decoder's tables (T.81, table B.1). */
export const marker = { soi: 0xd8, eoi: 0xd9, sos: 0xda, dqt: 0xdb, dht: 0xc4, dri: 0xdd } as const;

export const corrupt = (why: string) => new ImageError('bad_image', `The JPEG is corrupt: ${why}.`);

/** A photo has fewer than a hundred: tables, scans, previews, colour profiles and notes of 64 kB each. Each costs a microsecond. */
const maxSegments = 10_000;

/** @throws {ImageError} if there are more segments than the limit */
export function checkSegments(count: number): void {
  if (count <= maxSegments) return;
  throw new ImageError('bad_image', `The JPEG has more than ${maxSegments} segments.`);
}

/** Finds the segments from an offset on. Fill bytes and stray bytes between them are skipped. */
export function* segments(bytes: Uint8Array, from: number): Generator<Segment, void, undefined> {
  let at = from;
  while (at + 1 < bytes.length) {
    const next = bytes.indexOf(0xff, at);
    if (next === -1 || next + 1 >= bytes.length) return;
    const code = bytes[next + 1] as number;
    at = next + 1;
    if (code === 0xff) continue;
    at++;
    // 0 is no marker; TEM, the restart markers and a second start have no length.
    if (code === 0 || code === 0x01 || (code >= 0xd0 && code <= marker.soi)) continue;
    if (code === marker.eoi) return;
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (length < 2 || at + length > bytes.length) throw corrupt('it is cut off within a segment');
    yield { marker: code, start: at + 2, end: at + length };
    at += length;
  }
}
