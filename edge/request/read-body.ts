import { Problem } from '../problem.ts';

/** 10 MiB: more than any image within the pixel limit that was compressed at all. */
export const maximumBodyBytes = 10 * 1024 * 1024;

/**
 * Reads a request's body, and stops as soon as it is too long.
 *
 * @throws {Problem} `empty_body`, `body_too_large`
 */
export async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN);
  if (announced > maximumBodyBytes) throw tooLarge();
  // A body of known length ends there: the runtime reads it in one go. One of unknown length is counted as it comes.
  const body = Number.isNaN(announced)
    ? await readCounted(request)
    : new Uint8Array(await request.arrayBuffer());
  if (body.byteLength > maximumBodyBytes) throw tooLarge();
  if (body.byteLength === 0) {
    throw new Problem('empty_body', 'The request has no body: send an image.');
  }
  return body;
}

async function readCounted(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const part of request.body ?? []) {
    length += part.byteLength;
    if (length > maximumBodyBytes) throw tooLarge();
    parts.push(part);
  }
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
