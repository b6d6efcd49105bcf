import { imageFormat } from '../../shared/image/decode-image.ts';
import { Problem } from '../errors.ts';
import { checkJsonBounds } from './json.ts';

/** How many images one call may bring. */
export const maximumImages = 64;

/** What a client sent for one image, not yet looked at. */
export type PostedImage =
  | { kind: 'file'; bytes: Uint8Array; contentType: string }
  /** A file in JSON: as data URL, or base64 by itself. */
  | { kind: 'text'; text: string }
  | { kind: 'pixels'; value: unknown };

export interface PostedImages {
  images: PostedImage[];
  /** Whether the call was one for several images, and the answer is to be a list. */
  many: boolean;
}

/** Types under which JSON comes: curl -d sends a form's, and many clients send none. */
const mayBeJson = ['', 'application/json', 'application/x-www-form-urlencoded', 'text/plain'];

/** What an image is called in a JSON object; `b64` is what TensorFlow Serving calls it. */
const names = ['pixels', 'image', 'b64'];

/** What JSON takes for white space: tab, line feed, carriage return, space. */
const blanks = [0x09, 0x0a, 0x0d, 0x20];

/**
 * Tells which images a body holds. An image file is one by its bytes, whatever the content type.
 *
 * @param contentType the header, or ''
 * @throws {Problem} `bad_multipart`, `bad_json`, `too_many_images`
 */
export async function postedImages(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<PostedImages> {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'multipart/form-data') return fromForm(body, contentType);
  if (imageFormat(body) === null) {
    // Raw pixels may hold these characters too, but only JSON has nothing but blanks before them.
    const first = String.fromCharCode(body.find((byte) => !blanks.includes(byte)) ?? 0);
    const looksLikeJson = first === '{' || first === '[' || first === '"';
    if (type === 'application/json' || type.endsWith('+json')) return fromJson(body);
    if (mayBeJson.includes(type) && looksLikeJson) return fromJson(body);
  }
  return { images: [{ kind: 'file', bytes: body, contentType: type }], many: false };
}

async function fromForm(body: Uint8Array<ArrayBuffer>, contentType: string): Promise<PostedImages> {
  let form: FormData;
  try {
    form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
  } catch (cause) {
    throw new Problem('bad_multipart', `The multipart body can't be read: ${cause}.`, { cause });
  }
  const files = [...form.values()].filter((value) => value instanceof File);
  checkCount(files.length, 'bad_multipart', 'The form holds no file');
  const images = await Promise.all(
    files.map(async (file) => ({
      kind: 'file' as const,
      bytes: new Uint8Array(await file.arrayBuffer()),
      contentType: file.type,
    })),
  );
  return { images, many: images.length > 1 };
}

function fromJson(body: Uint8Array): PostedImages {
  checkJsonBounds(body);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body));
  } catch (cause) {
    // JSON has no NaN and no Infinity: a body with them ends here, its message naming the place.
    throw new Problem('bad_json', `The body is not JSON: ${cause}.`, { cause });
  }
  if (isObject(value) && 'images' in value) {
    if (!Array.isArray(value.images)) {
      throw new Problem('bad_json', '"images" must be an array of images.');
    }
    checkCount(value.images.length, 'bad_json', '"images" is empty');
    return { images: value.images.map(fromJsonValue), many: true };
  }
  if (isObject(value) && !names.some((name) => name in value)) {
    throw new Problem('bad_json', 'The object must have "pixels", "image" or "images".');
  }
  return { images: [fromJsonValue(value)], many: false };
}

function checkCount(count: number, codeOfNone: 'bad_multipart' | 'bad_json', none: string): void {
  if (count === 0) throw new Problem(codeOfNone, `${none}: send at least one image.`);
  if (count > maximumImages) throw tooManyImages(count);
}

export const tooManyImages = (count: number) =>
  new Problem(
    'too_many_images',
    `${count} images in one call; at most ${maximumImages} are taken.`,
  );

/** An image is a string or an array of pixels; an object with either under one of the names is taken for it. */
function fromJsonValue(value: unknown): PostedImage {
  const name = isObject(value) ? names.find((name) => name in value) : undefined;
  const image = isObject(value) && name !== undefined ? value[name] : value;
  return typeof image === 'string'
    ? { kind: 'text', text: image }
    : { kind: 'pixels', value: image };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
