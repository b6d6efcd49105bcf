import { Problem } from '../errors.ts';
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
  return fieldImages(name, toText(bytes), queryNames);
}

/**
 * Reads the images of a form that is encoded like a query (application/x-www-form-urlencoded).
 *
 * @returns `null` if the text is not such a form
 * @throws {Problem} as `multipartImages`
 */
export function urlEncodedImages(text: string, queryNames: readonly string[]): PostedImages | null {
  if (!/^[^=&]{1,100}=/.test(text)) return null;
  if (text.split('&', maxFields + 1).length > maxFields) {
    throw new Problem('bad_multipart', `The form has more than ${maxFields} fields.`);
  }
  const fields = [...new URLSearchParams(text)];
  return collect(
    fields.map(([name]) => name),
    // A + of base64 that was not escaped became a space.
    fields.map(([name, value]) => fieldImages(name, value.replaceAll(' ', '+'), queryNames)),
  );
}

function fieldImages(name: string, text: string, queryNames: readonly string[]): FieldImages {
  // PHP and jQuery add brackets to the names of lists.
  const isNamed = imageFields.includes(name.replace(/\[\d*\]$/, ''));
  if (isNamed && notFile.test(text)) {
    throw new Problem(
      'bad_multipart',
      `The field "${name}" is the text "${text}", not a file. With curl, write -F ${name}=@boot.png.`,
    );
  }
  if (isNamed && /^\s*[[{]/.test(text)) return jsonImages(new TextEncoder().encode(text));
  if (text !== '' && (isNamed || isBase64Image(text))) {
    return { images: [{ kind: 'text', text }], many: false };
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
