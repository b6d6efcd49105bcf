import { isImage } from '../../shared/image/decode-image.ts';
import { Problem } from '../errors.ts';
import { looksLikeJson } from './json.ts';
import { contentImages, type PostedImages } from './posted-images.ts';
import { isText } from './text.ts';

/** An image file of at least this length contains the bytes of line ends. */
const minBytesWithLineEnds = 1000;

/** Whether a body starts with a part of a form: some clients declare another type. */
const startsLikeForm = (body: Uint8Array) =>
  /^\s*--[^\r\n]+\r?\ncontent-/i.test(new TextDecoder().decode(body.subarray(0, 200)));

/**
 * Splits the body of a request into images.
 *
 * @param contentType the header, or ''
 * @param queryNames query parameters, which must not be sent as fields of a form
 * @throws {Problem} `bad_multipart`, `bad_json`, `bad_image`, `unsupported_image`, `bad_parameter`, `too_many_images`, `body_too_large`
 */
export async function requestImages(
  body: Uint8Array,
  contentType: string,
  queryNames: readonly string[],
): Promise<PostedImages> {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  const isFile = isImage(body) || looksLikeJson(body);
  if (startsLikeForm(body) || (type.startsWith('multipart/') && !isFile)) {
    return (await import('./form-images.ts')).multipartImages(body, contentType, queryNames);
  }
  const content = contentImages(body, type);
  if (content.images[0]?.kind !== 'file') return content;
  const isForm = type === 'application/x-www-form-urlencoded';
  if (isText(body) && (isForm || type.startsWith('text/'))) {
    const form = isForm && (await import('./form-images.ts')).urlEncodedImages(body, queryNames);
    if (form) return form;
    const start = new TextDecoder().decode(body.subarray(0, 40));
    throw new Problem(
      'unsupported_image',
      `The text "${start}" is not an image: it may be JSON, a data URL, or base64 of an image file.`,
    );
  }
  if (!isForm) return content;
  const hasLineEnds = body.includes(0x0a) || body.includes(0x0d);
  if (!hasLineEnds && (body.length >= minBytesWithLineEnds || !isImage(body))) {
    throw new Problem(
      'bad_image',
      'The line ends of the file are missing: curl -d removes them. Send the file with --data-binary @file.',
    );
  }
  return content;
}
