import { Problem } from '../problem.ts';

/**
 * Decodes a data URL (RFC 2397, base64 alone) or base64 by itself, of either alphabet (RFC 4648), padded or not.
 *
 * @throws {Problem} `bad_image`
 */
export function base64Bytes(text: string): Uint8Array {
  const comma = text.indexOf(',');
  const isDataUrl = text.startsWith('data:');
  if (isDataUrl && !text.slice(0, comma).endsWith(';base64')) {
    throw new Problem(
      'bad_image',
      `The data URL "${text.slice(0, 40)}" is not data:<type>;base64,<data>.`,
    );
  }
  const base64 = isDataUrl ? text.slice(comma + 1) : text;
  try {
    const characters = atob(base64.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(characters, (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new Problem(
      'bad_image',
      `"${text.slice(0, 40)}" is neither base64 nor a data URL of an image.`,
      { cause },
    );
  }
}
