/** Tells text from files and raw pixels, and reads files that were written as text. */
import { formatOf } from '../../shared/image/decode-image.ts';
import { Problem } from '../errors.ts';

/** Text is recognized by its first bytes. Files and raw pixels have control characters among them, or bytes that are not UTF-8. */
const inspectedBytes = 1024;
const [tab, lineFeed, formFeed, carriageReturn, space] = [0x09, 0x0a, 0x0c, 0x0d, 0x20];

export function isText(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, inspectedBytes);
  return start.every(isTextByte) && isUtf8(start);
}

const isTextByte = (byte: number): boolean =>
  byte >= space ||
  byte === lineFeed ||
  byte === carriageReturn ||
  byte === tab ||
  byte === formFeed;

/** Whether these bytes can start a text in UTF-8, which may end within a character. */
function isUtf8(start: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(start, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Characters of base64 that hold the longest signature of an image: 24 bytes. */
const signatureCharacters = 32;

/** Whether a text is a data URL, or base64 that starts like an image file. Other texts may be base64, too. */
export function isBase64Image(text: string): boolean {
  const start = text.slice(0, 200).trimStart();
  if (/^data:/i.test(start)) return true;
  const base64 = start.replaceAll(/\s/g, '').slice(0, signatureCharacters);
  if (!/^[\w+/-]{8,}$/.test(base64)) return false;
  return formatOf(decode(base64.slice(0, base64.length & ~3))) !== null;
}

/**
 * Decodes base64 of either alphabet (RFC 4648), padded or not, as plain text or in a data URL (RFC 2397).
 *
 * @throws {Problem} `bad_image`
 */
export function base64Bytes(text: string): Uint8Array<ArrayBuffer> {
  const [head = ''] = /^\s*data:[^,]*,?/i.exec(text.slice(0, 1000)) ?? [];
  if (head !== '' && !/;base64\s*,$/i.test(head)) {
    throw new Problem(
      'bad_image',
      `The data URL "${text.slice(0, 40)}" is not data:<type>;base64,<data>.`,
    );
  }
  try {
    return decode(text.slice(head.length));
  } catch (cause) {
    const detail = `"${text.slice(0, 40)}" is neither base64 nor a data URL of an image.${adviceOn(text)}`;
    throw new Problem('bad_image', detail, { cause });
  }
}

/** Texts that clients send instead of base64, with advice. */
const mistakes: readonly [pattern: RegExp, advice: string][] = [
  [/^\s*[[{]/, 'It is JSON in a string: JSON was written twice.'],
  [/^(?:https?|blob|file):/i, 'The Worker reads no addresses: send the file itself.'],
  [/^b['"]/, 'In Python, decode the bytes of base64 with .decode("ascii").'],
];

function adviceOn(text: string): string {
  const mistake = mistakes.find(([pattern]) => pattern.test(text));
  return mistake ? ` ${mistake[1]}` : '';
}

/** The second alphabet has - and _ instead of + and /. */
const decode = (base64: string) =>
  Uint8Array.fromBase64(base64, { alphabet: /[-_]/.test(base64) ? 'base64url' : 'base64' });
