import { Problem } from '../problem.ts';

/** 10 MiB: more than any image within the pixel limit that was compressed at all. */
export const maximumBodyBytes = 10 * 1024 * 1024;

/**
 * Reads a request's body, and stops as soon as it is too long, whatever its Content-Length claims.
 *
 * @throws {Problem} `empty_body`, `body_too_large`
 */
export async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get('content-length')) > maximumBodyBytes) throw tooLarge();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const part of request.body ?? []) {
    length += part.byteLength;
    if (length > maximumBodyBytes) throw tooLarge();
    parts.push(part);
  }
  if (length === 0) throw new Problem('empty_body', 'The request has no body: send an image.');
  const body = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.byteLength;
  }
  return body;
}

const tooLarge = () =>
  new Problem('body_too_large', `A body may have at most ${maximumBodyBytes} bytes.`);
