import * as z from 'zod/mini';
import { isImage } from '../../shared/image/decode-image.ts';
import { Problem } from '../errors.ts';
import { looksLikeJson, parseJsonBody } from './json.ts';

/** Images in one request. */
export const maxImages = 64;

/** One image as the client sent it, not yet decoded. */
export type PostedImage =
  | { kind: 'file'; bytes: Uint8Array; contentType: string }
  /** A file in JSON: a data URL or base64. */
  | { kind: 'text'; text: string }
  | { kind: 'pixels'; value: unknown };

export interface PostedImages {
  images: PostedImage[];
  /** Whether the request was for several images, so that the answer is a list. */
  many: boolean;
}

/** Content types that may be JSON: `curl -d` sends a form's, and many clients send none. */
const mayBeJson = ['', 'application/json', 'application/x-www-form-urlencoded', 'text/plain'];

/** Names of an image in a JSON object. `b64` is TensorFlow Serving's. */
const names = ['pixels', 'image', 'b64'];

/**
 * Splits a body into images. Image files are recognized by their bytes, whatever the content type says.
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
  if (!isImage(body)) {
    if (type === 'application/json' || type.endsWith('+json')) return fromJson(body);
    if (mayBeJson.includes(type) && looksLikeJson(body)) return fromJson(body);
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
  checkCount(files.length, 'bad_multipart', 'The form has no file');
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
  const value = parseJsonBody(body, z.unknown(), 'The body');
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
  if (count > maxImages) throw tooManyImages(count);
}

export const tooManyImages = (count: number) =>
  new Problem('too_many_images', `${count} images in one request; at most ${maxImages} may be.`);

/** Makes an image of a string or an array of pixels, or of an object that has either under one of the names. */
function fromJsonValue(value: unknown): PostedImage {
  const name = isObject(value) ? names.find((name) => name in value) : undefined;
  const image = isObject(value) && name !== undefined ? value[name] : value;
  return typeof image === 'string'
    ? { kind: 'text', text: image }
    : { kind: 'pixels', value: image };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
