import type { Context } from 'hono';
import { freeArray } from '../../shared/image/image.ts';
import { Problem } from '../errors.ts';
import type { BodyReservation } from './body-memory.ts';
import { openBodyReader, stepBytes } from './body-reader.ts';
import { looksLikeJson, maxTextBytes } from './json.ts';
import { isText } from './text.ts';

/** 20 MiB, as sent and as inflated: more than the photos of phones have. */
export const maxBodyBytes = 20 * 1024 * 1024;

/** The first buffer for a body of unknown length. It doubles if it is full. */
const firstBytes = 64 * 1024;

/**
 * Reads a request's body, inflates it if it is compressed, and stops as soon as it is too long or takes too long. Its memory is reserved
 * before it is read, until the request is answered.
 *
 * @throws {Problem} `empty_body`, `body_too_large`, `body_timeout`, `busy`, `unsupported_encoding`, `bad_encoding`
 */
export async function readBody(context: Context): Promise<Uint8Array<ArrayBuffer>> {
  const { req, executionCtx, var: variables } = context;
  const { promise: read, resolve: end } = Promise.withResolvers<void>();
  // If the client disconnects, the runtime must not stop the request before its memory is released.
  executionCtx.waitUntil(read);
  try {
    const body = await readEncoded(req.raw, variables.body);
    variables.body.hold(body);
    // Text is copied: into a string, and from that into strings, numbers and bytes. Longer text is refused before.
    if (looksLikeJson(body) || isText(body)) {
      variables.body.grow(Math.min(body.byteLength, maxTextBytes));
    }
    if (body.byteLength > 0) return body;
    throw new Problem('empty_body', 'The request has no body: send an image.');
  } catch (error) {
    variables.body.release();
    throw error;
  } finally {
    end();
  }
}

type Inflate = typeof import('./gzip.ts').gunzip;

/** By Content-Encoding. Each is imported by its first body. */
const inflaters = new Map<string, () => Promise<Inflate>>([
  ['gzip', async () => (await import('./gzip.ts')).gunzip],
  ['x-gzip', async () => (await import('./gzip.ts')).gunzip],
  ['deflate', async () => (await import('./deflate.ts')).inflateDeflate],
]);

async function readEncoded(request: Request, reservation: BodyReservation) {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() || 'identity';
  const load = inflaters.get(encoding);
  if (load === undefined && encoding !== 'identity') {
    throw new Problem(
      'unsupported_encoding',
      `The body's Content-Encoding is "${encoding}"; it may be gzip, deflate or missing.`,
      { headers: { 'accept-encoding': 'gzip, deflate' } },
    );
  }
  const body = await readStream(request.body, announcedBytes(request), reservation);
  if (load === undefined || body.byteLength === 0) return body;
  try {
    const inflated = await (await load())(body, maxBodyBytes, reservation.grow);
    if (inflated === null) throw tooLarge();
    return inflated;
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const why = cause instanceof Error ? cause.message : cause;
    const detail = `The body can't be inflated as ${encoding}: ${why}.`;
    throw new Problem('bad_encoding', detail, { cause });
  } finally {
    freeArray(body);
  }
}

/** @returns `null` if the request doesn't say how long its body is */
function announcedBytes(request: Request): number | null {
  const header = request.headers.get('content-length') ?? '';
  return /^\d+$/.test(header) ? Number(header) : null;
}

/** @param announced the length, or `null` if it is unknown */
async function readStream(
  stream: ReadableStream | null,
  announced: number | null,
  reservation: BodyReservation,
): Promise<Uint8Array<ArrayBuffer>> {
  if ((announced ?? 0) > maxBodyBytes) throw tooLarge();
  if (stream === null || announced === 0) return new Uint8Array(0);
  let capacity = announced ?? firstBytes;
  reservation.grow(capacity);
  const reader = openBodyReader(stream, reservation);
  let buffer = new ArrayBuffer(capacity);
  try {
    let length = 0;
    while (length !== announced) {
      const room = Math.min(stepBytes, capacity - length);
      const part = await reader.read(new Uint8Array(buffer, length, room));
      buffer = part.buffer;
      length += part.byteLength;
      if (length > maxBodyBytes) throw tooLarge();
      if (part.byteLength < room) break;
      if (announced !== null || length < capacity) continue;
      reservation.grow(capacity);
      capacity *= 2;
      buffer = buffer.transfer(capacity);
    }
    reader.release();
    return new Uint8Array(buffer, 0, length);
  } catch (error) {
    // A read that has not ended has the buffer.
    if (!buffer.detached) freeArray(new Uint8Array(buffer));
    reservation.release();
    await reader.drain();
    throw error;
  }
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

const tooLarge = () =>
  new Problem('body_too_large', `A body may have at most ${maxBodyBytes} bytes.`);

/** Reads and drops a request's body if no handler has read it. */
export async function drainBody(
  { body, bodyUsed }: Request,
  reservation: BodyReservation,
): Promise<void> {
  if (body === null || bodyUsed || body.locked) return;
  await openBodyReader(body, reservation).drain();
}
