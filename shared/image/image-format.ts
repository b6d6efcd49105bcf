/** What the first bytes say a file is; `null` where they say nothing that is known. */
export type ImageFormat = 'png' | 'jpeg' | 'gif' | 'webp' | 'bmp';

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const jpegSignature = [0xff, 0xd8, 0xff];
const gifSignature = [0x47, 0x49, 0x46, 0x38];
const riffSignature = [0x52, 0x49, 0x46, 0x46];
const webpSignature = [0x57, 0x45, 0x42, 0x50];
const bmpSignature = [0x42, 0x4d];

/** Tells an image's format by its signature alone: names and content types lie. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const holds = (signature: number[], at = 0) =>
    signature.every((byte, i) => bytes[at + i] === byte);
  if (holds(pngSignature)) return 'png';
  if (holds(jpegSignature)) return 'jpeg';
  if (holds(gifSignature)) return 'gif';
  if (holds(riffSignature) && holds(webpSignature, 8)) return 'webp';
  if (holds(bmpSignature)) return 'bmp';
  return null;
}
