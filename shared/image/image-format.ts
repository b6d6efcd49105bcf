/** What the first bytes say a file is; `null` where they say nothing that is known. */
export type ImageFormat = 'png' | 'jpeg' | 'gif' | 'webp' | 'bmp';

/** Formats that are named where they are refused. */
const unreadFormats: [name: string, signature: number[], at: number][] = [
  ['HEIC', [0x66, 0x74, 0x79, 0x70, 0x68, 0x65], 4], // ftyphe: heic, heix, hevc
  ['HEIC', [0x66, 0x74, 0x79, 0x70, 0x6d, 0x69, 0x66, 0x31], 4], // ftypmif1
  ['AVIF', [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69], 4], // ftypavi: avif, avis
  ['TIFF', [0x49, 0x49, 0x2a, 0x00], 0],
  ['TIFF', [0x4d, 0x4d, 0x00, 0x2a], 0],
  ['JPEG XL', [0xff, 0x0a], 0],
  ['PDF', [0x25, 0x50, 0x44, 0x46], 0],
];

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const jpegSignature = [0xff, 0xd8, 0xff];
const gifSignature = [0x47, 0x49, 0x46, 0x38];
const riffSignature = [0x52, 0x49, 0x46, 0x46];
const webpSignature = [0x57, 0x45, 0x42, 0x50];
const bmpSignature = [0x42, 0x4d];

/** Tells an image's format by its signature alone: names and content types lie. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const holds = (signature: number[], at = 0) => startsWith(bytes, signature, at);
  if (holds(pngSignature)) return 'png';
  if (holds(jpegSignature)) return 'jpeg';
  if (holds(gifSignature)) return 'gif';
  if (holds(riffSignature) && holds(webpSignature, 8)) return 'webp';
  if (holds(bmpSignature)) return 'bmp';
  return null;
}

/** @returns the name of a format that is known but not read; `null` of all others */
export function unreadFormat(bytes: Uint8Array): string | null {
  const found = unreadFormats.find(([, signature, at]) => startsWith(bytes, signature, at));
  return found?.[0] ?? null;
}

const startsWith = (bytes: Uint8Array, signature: number[], at: number) =>
  signature.every((byte, i) => bytes[at + i] === byte);
