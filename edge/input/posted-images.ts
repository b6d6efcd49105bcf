import * as z from 'zod/mini';
import { isImage } from '../../shared/image/decode-image.ts';
import { Problem } from '../errors.ts';
import { checkTextBytes, looksLikeJson, parseJsonBody } from './json.ts';
import { isBase64Image, isText } from './text.ts';

/** Images in one request. */
export const maxImages = 64;

/** One image as the client sent it, not yet decoded. */
export type PostedImage =
  | { kind: 'file'; bytes: Uint8Array; contentType: string }
  /** A file as text: a data URL or base64. */
  | { kind: 'text'; text: string }
  | { kind: 'pixels'; value: unknown };

export interface PostedImages {
  images: PostedImage[];
  /** Whether the request was for several images, so that the answer is a list. */
  many: boolean;
}

/** Names of an image in a JSON object. `b64` is TensorFlow Serving's. */
const names = ['pixels', 'image', 'b64'];

const jsonTypes = /^(?:application|text)\/(?:x-|[\w.-]+\+)?json$/;

/**
 * Splits a body, or one part of a form, into images. Image files, JSON and base64 are recognized by their bytes, whatever the content type
 * says.
 *
 * @param type the content type in lower case, without parameters, or ''
 * @throws {Problem} `bad_json`, `too_many_images`, `body_too_large`
 */
export function contentImages(bytes: Uint8Array, type: string): PostedImages {
  if (!isImage(bytes)) {
    if (jsonTypes.test(type)) return jsonImages(bytes);
    if (isText(bytes)) {
      const json = looksLikeJson(bytes) && jsonOrPixels(bytes, type);
      if (json) return json;
      const start = new TextDecoder().decode(bytes.subarray(0, 200));
      if (isBase64Image(start)) return one({ kind: 'text', text: toText(bytes) });
    }
  }
  return one({ kind: 'file', bytes, contentType: type });
}

/** Reads JSON. Bytes that a client declares as such, and that are not JSON, are `null`: dark pixels may look like a text. */
function jsonOrPixels(bytes: Uint8Array, type: string): PostedImages | null {
  try {
    return jsonImages(bytes);
  } catch (error) {
    if (type === 'application/octet-stream' && error instanceof Problem) return null;
    throw error;
  }
}

const one = (image: PostedImage): PostedImages => ({ images: [image], many: false });

/** @throws {Problem} `body_too_large` */
export function toText(bytes: Uint8Array): string {
  checkTextBytes(bytes);
  return new TextDecoder().decode(bytes);
}

/** @throws {Problem} `bad_json`, `too_many_images`, `body_too_large` */
export function jsonImages(json: Uint8Array): PostedImages {
  const value = parseJsonBody(json, z.unknown(), 'The body');
  const images = isObject(value) ? (value.images ?? null) : null;
  if (images !== null) {
    if (!Array.isArray(images)) {
      throw new Problem('bad_json', '"images" must be an array of images.');
    }
    if (images.length > 0 && images.every((pixel) => typeof pixel === 'number')) {
      return { images: [{ kind: 'pixels', value: images }], many: true };
    }
    checkCount(images.length, '"images" is empty');
    return { images: images.map(fromJsonValue), many: true };
  }
  const image = fromJsonValue(value);
  if (image.kind === 'pixels' && isObject(image.value)) {
    throw new Problem('bad_json', 'The object must have "pixels", "image" or "images".');
  }
  return one(image);
}

/** Whether images are the rows of one: the dimension of the batch is missing. */
export const areRows = (
  images: readonly PostedImage[],
  { height, width }: { height: number; width: number },
): boolean =>
  images.length === height &&
  images.every((image) => {
    return image.kind === 'pixels' && Array.isArray(image.value) && image.value.length === width;
  });

/** Returns the images, or the one of which they are the rows. */
export const withoutRows = (
  images: PostedImage[],
  size: { height: number; width: number },
): PostedImage[] =>
  areRows(images, size)
    ? [{ kind: 'pixels', value: images.map((row) => row.kind === 'pixels' && row.value) }]
    : images;

function checkCount(count: number, none: string): void {
  if (count === 0) throw new Problem('bad_json', `${none}: send at least one image.`);
  if (count > maxImages) throw tooManyImages(count);
}

export const tooManyImages = (count: number) =>
  new Problem('too_many_images', `${count} images in one request; the maximum is ${maxImages}.`);

/** Makes an image of a string or an array of pixels, or of an object that has either under one of the names. */
function fromJsonValue(value: unknown): PostedImage {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (!isObject(value)) return { kind: 'pixels', value };
  // The JSON of a Buffer, and of any other typed array.
  if (value.type === 'Buffer' && Array.isArray(value.data)) return bufferImage(value.data);
  if ('0' in value) return { kind: 'pixels', value: Object.values(value) };
  // Programs write `null` for what is absent.
  const image = names.map((name) => value[name] ?? null).find((member) => member !== null);
  return image === undefined ? { kind: 'pixels', value } : fromJsonValue(image);
}

function bufferImage(data: unknown[]): PostedImage {
  const wrong = data.findIndex((byte) => !Number.isInteger(byte) || Number(byte) >> 8 !== 0);
  if (wrong < 0) return { kind: 'file', bytes: Uint8Array.from(data as number[]), contentType: '' };
  const found = JSON.stringify(data[wrong])?.slice(0, 40);
  throw new Problem('bad_pixels', `Byte ${wrong} of the Buffer is ${found}, not 0 to 255.`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
