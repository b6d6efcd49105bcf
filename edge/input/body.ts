import { Problem } from '../errors.ts';

/** 10 MiB, as sent and as inflated: more than any image within the pixel limit that was compressed at all. */
export const maximumBodyBytes = 10 * 1024 * 1024;

/**
 * Reads a request's body, inflated where it is gzip, and stops as soon as it is too long.
 *
 * @throws {Problem} `empty_body`, `body_too_large`, `unsupported_encoding`, `bad_encoding`
 */
export async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN);
  if (announced > maximumBodyBytes) throw tooLarge();
  const body = await readEncoded(request, announced);
  if (body.byteLength > maximumBodyBytes) throw tooLarge();
  if (body.byteLength === 0) {
    throw new Problem('empty_body', 'The request has no body: send an image.');
  }
  return body;
}

async function readEncoded(request: Request, announced: number): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding === 'gzip' || encoding === 'x-gzip') return readGzip(request);
  if (encoding !== 'identity') {
    throw new Problem(
      'unsupported_encoding',
      `The body's Content-Encoding is "${encoding}"; gzip is read, or none.`,
      { headers: { 'accept-encoding': 'gzip' } },
    );
  }
  // A body of known length ends there: the runtime reads it in one go. One of unknown length is counted as it comes.
  return Number.isNaN(announced)
    ? readCounted(request.body)
    : new Uint8Array(await request.arrayBuffer());
}

async function readGzip(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array(0);
  try {
    return await readCounted(request.body.pipeThrough(new DecompressionStream('gzip')));
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('bad_encoding', `The body can't be inflated as gzip: ${cause}.`, { cause });
  }
}

async function readCounted(
  stream: ReadableStream<Uint8Array> | null,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const part of stream ?? []) {
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

/** More than a phone's photos have. */
const mostDrainedBytes = 32 * 1024 * 1024;

/**
 * Reads what nobody has read of a request's body, and drops it. A server that answers without it ends the connection, and what of the body
 * is still under way then has the client's system throw the answer away (RFC 9112, 9.6, "lingering close"). A body that is
 * longer than 32 MiB is left.
 */
export async function drainBody({ body, bodyUsed }: Request): Promise<void> {
  if (body === null || bodyUsed || body.locked) return;
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += part.byteLength;
      if (bytes > mostDrainedBytes) return;
    }
  } catch {
    // Whoever sent it has gone.
  }
}
