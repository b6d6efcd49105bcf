import { isImage } from '../../shared/image/decode-image.ts';
import { Problem } from '../errors.ts';
import { contentImages, type PostedImages, toText } from './posted-images.ts';
import { isText } from './text.ts';

/** An image file of at least this length contains the bytes of line ends. */
const minBytesWithLineEnds = 1000;

/**
 * Splits the body of a request into images.
 *
 * @param contentType the header, or ''
 * @param queryNames query parameters, which must not be sent as fields of a form
 * @throws {Problem} `bad_multipart`, `bad_json`, `bad_image`, `bad_parameter`, `too_many_images`, `body_too_large`
 */
export async function requestImages(
  body: Uint8Array,
  contentType: string,
  queryNames: readonly string[],
): Promise<PostedImages> {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'multipart/form-data') {
    return (await import('./form-images.ts')).multipartImages(body, contentType, queryNames);
  }
  const content = contentImages(body, type);
  if (type !== 'application/x-www-form-urlencoded' || content.images[0]?.kind !== 'file') {
    return content;
  }
  if (isText(body)) {
    const { urlEncodedImages } = await import('./form-images.ts');
    return urlEncodedImages(toText(body), queryNames) ?? content;
  }
  const hasLineEnds = body.includes(0x0a) || body.includes(0x0d);
  if (!hasLineEnds && (body.length >= minBytesWithLineEnds || !isImage(body))) {
    throw new Problem(
      'bad_image',
      'The line ends of the file are missing: curl -d removes them. Send the file with --data-binary @file.',
    );
  }
  return content;
}
