import type { Context } from 'hono';
import { freeArray } from '../../shared/image/image.ts';
import { Problem } from '../errors.ts';
import type { BodyLimits, BodyReservation } from './body-memory.ts';
import { looksLikeJson, maxTextBytes } from './json.ts';
import { isText } from './text.ts';

/** 20 MiB, as sent and as inflated: more than the photos of phones have. */
export const maxBodyBytes = 20 * 1024 * 1024;

/** Bytes per read. The runtime waits for all of them. */
const stepBytes = 256 * 1024;
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
  const reader = openTimedReader(stream, reservation.limits);
  try {
    let buffer = new ArrayBuffer(capacity);
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
    reader.cancel();
    throw error;
  }
}

/** Reads a stream within time limits. One of `release` and `cancel` has to end it. */
interface TimedReader {
  /**
   * Fills the view, whose buffer moves into the result.
   *
   * @returns fewer bytes only at the end of the stream
   * @throws {Problem} `body_timeout`
   */
  read(view: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  release(): void;
  cancel(): void;
}

function openTimedReader(
  stream: ReadableStream,
  { maxMilliseconds, maxStallMilliseconds }: BodyLimits,
): TimedReader {
  const reader = stream.getReader({ mode: 'byob' });
  const { promise: expired, reject } = Promise.withResolvers<never>();
  // Nothing may be waiting when it expires.
  expired.catch(() => {});
  const seconds = (milliseconds: number) => `${milliseconds / 1000} s`;
  const whole = setTimeout(() => {
    reject(tooSlow(`The body did not arrive within ${seconds(maxMilliseconds)}.`));
  }, maxMilliseconds);
  return {
    async read(view) {
      const stalled = setTimeout(() => {
        reject(tooSlow(`The body stalled for ${seconds(maxStallMilliseconds)}.`));
      }, maxStallMilliseconds);
      try {
        const { value } = await Promise.race([reader.readAtLeast(view.byteLength, view), expired]);
        return value as Uint8Array<ArrayBuffer>;
      } finally {
        clearTimeout(stalled);
      }
    },
    release() {
      clearTimeout(whole);
      reader.releaseLock();
    },
    cancel() {
      clearTimeout(whole);
      reader.cancel().catch(() => {});
    },
  };
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

const tooSlow = (detail: string) => new Problem('body_timeout', detail);

/** More than the photos of phones have. */
const maxDrainedBytes = 32 * 1024 * 1024;

/**
 * Reads and drops what is left of a request's body, up to 32 MiB. If a server responds and closes the connection while the client is still
 * sending, the client's system discards the response ("lingering close", RFC 9112, section 9.6).
 */
export async function drainBody({ body, bodyUsed }: Request, limits: BodyLimits): Promise<void> {
  if (body === null || bodyUsed || body.locked) return;
  const reader = openTimedReader(body, limits);
  try {
    let buffer = new ArrayBuffer(stepBytes);
    for (let bytes = 0; bytes <= maxDrainedBytes; ) {
      const part = await reader.read(new Uint8Array(buffer));
      if (part.byteLength < stepBytes) return;
      bytes += part.byteLength;
      buffer = part.buffer;
    }
  } catch {
    // The client has disconnected, or takes too long.
  } finally {
    reader.cancel();
  }
}
