/** Bodies as clients send them, with test image 0 in all its forms. */
import { encode } from 'fast-png';
import { testImage } from './bucket.ts';

type Part = string | Uint8Array;
export type ClientBody = [type: string | undefined, body: Part | Part[]];

const encoder = new TextEncoder();
export const bytesOf = (parts: Part | Part[]) =>
  new Blob(
    [parts].flat().map((part) => (typeof part === 'string' ? encoder.encode(part) : part.slice())),
  ).bytes() as Promise<Uint8Array<ArrayBuffer>>;
export const base64Of = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

export const raw = testImage(0);
export const png = encode({ width: 28, height: 28, data: raw, channels: 1, depth: 8 });
export const base64 = base64Of(png);
export const dataUrl = `data:image/png;base64,${base64}`;
export const lines = base64.replaceAll(/.{76}/g, '$&\r\n');
export const pixels = Array.from(raw);
export const rows = Array.from({ length: 28 }, (_, y) => pixels.slice(28 * y, 28 * (y + 1)));
export const floats = pixels.map((pixel) => pixel / 255);
export const urlEncoded = 'application/x-www-form-urlencoded';
export const heic = encoder.encode(`\0\0\0\x18ftypheic\0\0\0\0mif1heic${'\0'.repeat(1500)}`);
/** The body that `curl -d @file` sends. */
export const stripped = (bytes: Uint8Array) =>
  bytes.filter((byte) => ![0x00, 0x0a, 0x0d].includes(byte));

export const form = 'multipart/form-data; boundary=b';
/** A form of one part. */
export const part = (head: string, content: Part = png): ClientBody => [
  form,
  [`--b\r\n${head}\r\n\r\n`, content, '\r\n--b--\r\n'],
];
export const field = (name: string, content: Part) =>
  part(`Content-Disposition: form-data; name="${name}"`, content);
export const file = 'Content-Disposition: form-data; name="image"; filename="boot.png"';
