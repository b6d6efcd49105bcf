import { Problem } from '../errors.ts';
import { checkTextBytes } from './json.ts';
import { type FormPart, parseMultipart } from './multipart.ts';
import {
  contentImages,
  jsonImages,
  maxImages,
  type PostedImage,
  type PostedImages,
  tooManyImages,
  toText,
} from './posted-images.ts';
import { isBase64Image, isText } from './text.ts';

/** Fields of text with these names hold images. Others may: if they are base64 of an image file. */
const imageFields = ['pixels', 'image', 'images', 'b64', 'file', 'files'];
/** As in a multipart form. */
const maxFields = 128;

/** A file's name, and what JavaScript makes of something that is no file. */
const notFile = /^(?:null|undefined|\[object \w+\]|[^,;]{1,200}\.\w{2,5})$/;

/** An image, or several in a list of JSON; `null` if a field is about something else. */
type FieldImages = PostedImages | null;

/**
 * Reads the images of a multipart form. A part is an image if it has a file name or is not text. Fields of text may hold base64, a data URL or
 * JSON.
 *
 * @param queryNames query parameters, which must not be sent as fields
 * @throws {Problem} `bad_multipart`, `bad_parameter`, and those of `contentImages`
 */
export function multipartImages(
  body: Uint8Array,
  contentType: string,
  queryNames: readonly string[],
): PostedImages {
  const parts = parseMultipart(body, contentType);
  return collect(
    parts.map(({ name }) => name),
    parts.map((part) => partImages(part, queryNames)),
  );
}

function partImages(
  { name, fileName, contentType, bytes }: FormPart,
  queryNames: readonly string[],
) {
  const isField = fileName === null || fileName === '';
  // Browsers send an empty file if none is chosen.
  if (isField && bytes.length === 0) return null;
  if (fileName !== null || !isText(bytes)) return contentImages(bytes, contentType);
  return fieldImages(name, bytes, queryNames);
}

/**
 * Reads the images of a form that is encoded like a query (application/x-www-form-urlencoded).
 *
 * @returns `null` if the text is not such a form
 * @throws {Problem} as `multipartImages`
 */
export function urlEncodedImages(
  body: Uint8Array,
  queryNames: readonly string[],
): PostedImages | null {
  if (!/^[^=&]{1,100}=/.test(startOf(body))) return null;
  checkTextBytes(body);
  const fields: { name: string; value: Uint8Array }[] = [];
  for (let start = 0; start < body.length; ) {
    if (fields.length === maxFields) {
      throw new Problem('bad_multipart', `The form has more than ${maxFields} fields.`);
    }
    const next = body.indexOf(ampersand, start);
    const field = body.subarray(start, next < 0 ? body.length : next);
    const equals = field.indexOf(equalsSign);
    const name = startOf(unescaped(equals < 0 ? field : field.subarray(0, equals)));
    fields.push({
      name,
      value: equals < 0 ? new Uint8Array(0) : unescaped(field.subarray(equals + 1)),
    });
    start += field.length + 1;
  }
  return collect(
    fields.map(({ name }) => name),
    fields.map(({ name, value }) => fieldImages(name, value, queryNames)),
  );
}

const [percent, plus, ampersand, equalsSign, space] = [0x25, 0x2b, 0x26, 0x3d, 0x20];

/**
 * Decodes a field. URLSearchParams takes thirty times the memory of a long one. A + means a space, but not in base64, where it is one that the
 * client did not escape: only values that start like JSON have spaces.
 */
function unescaped(field: Uint8Array): Uint8Array {
  const plusMeans = /^(?:[[{]|%5b|%7b)/i.test(startOf(field)) ? space : plus;
  const bytes = new Uint8Array(field.length);
  let length = 0;
  for (let i = 0; i < field.length; i++) {
    let byte = field[i] as number;
    if (byte === plus) byte = plusMeans;
    else if (byte === percent) {
      const value = 16 * digit(field[i + 1]) + digit(field[i + 2]);
      if (value >= 0) {
        byte = value;
        i += 2;
      }
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

/** @returns the value of a hexadecimal digit, or less than -255 */
function digit(character = 0): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const letter = character | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -256;
}

/** Returns the first characters, which say what a text is. */
const startOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, 300));

function fieldImages(name: string, bytes: Uint8Array, queryNames: readonly string[]): FieldImages {
  // PHP and jQuery add brackets to the names of lists.
  const isNamed = imageFields.includes(name.replace(/\[\d*\]$/, ''));
  const start = startOf(bytes);
  if (isNamed && notFile.test(start)) {
    throw new Problem(
      'bad_multipart',
      `The field "${name}" is the text "${start}", not a file. With curl, write -F ${name}=@boot.png.`,
    );
  }
  if (isNamed && /^\s*[[{]/.test(start)) return jsonImages(bytes);
  if (bytes.length > 0 && (isNamed || isBase64Image(start))) {
    return { images: [{ kind: 'text', text: toText(bytes) }], many: false };
  }
  if (!queryNames.includes(name)) return null;
  throw new Problem('bad_parameter', `Send ${name} in the query, ?${name}=…, not in the form.`);
}

function collect(names: readonly string[], found: FieldImages[]): PostedImages {
  const images: PostedImage[] = found.flatMap((each) => each?.images ?? []);
  if (images.length > maxImages) throw tooManyImages(images.length);
  if (images.length > 0) {
    return { images, many: images.length > 1 || found.some((each) => each?.many) };
  }
  const fields = names.slice(0, 5).map((name) => `"${name.slice(0, 40)}"`);
  throw new Problem(
    'bad_multipart',
    `The form has no image${names.length === 0 ? '' : `: its fields are ${fields.join(', ')}`}. Send a file, or base64 or a data URL in a field called image.`,
  );
}
