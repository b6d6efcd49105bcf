import { Problem } from '../errors.ts';
import { type BodyReservation, maxDrainedBytes } from './body-memory.ts';

/** Bytes per read. The runtime waits for all of them. */
export const stepBytes = 256 * 1024;

/** Reads a request's body within time limits. One of `release` and `drain` has to end it. */
export interface BodyReader {
  /**
   * Fills the view, whose buffer moves into the result.
   *
   * @returns fewer bytes only at the end of the body
   * @throws {Problem} `body_timeout`
   */
  read(view: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  release(): void;
  /**
   * Reads and drops what is left, within the same time and up to 32 MiB of the whole body. If a server responds and closes the connection
   * while the client is still sending, the client's system discards the response ("lingering close", RFC 9112, section 9.6).
   */
  drain(): Promise<void>;
}

export function openBodyReader(stream: ReadableStream, reservation: BodyReservation): BodyReader {
  const reader = stream.getReader({ mode: 'byob' });
  const patience = openPatience(reservation);
  let bytes = 0;

  async function read(view: Uint8Array<ArrayBuffer>) {
    const wanted = view.byteLength;
    const { value } = await patience.limit(reader.readAtLeast(wanted, view));
    const part = value as Uint8Array<ArrayBuffer>;
    bytes += part.byteLength;
    return part;
  }

  return {
    read,
    release() {
      patience.end();
      reader.releaseLock();
    },
    async drain() {
      try {
        let buffer = new ArrayBuffer(stepBytes);
        while (bytes <= maxDrainedBytes) {
          const part = await read(new Uint8Array(buffer));
          if (part.byteLength < stepBytes) break;
          buffer = part.buffer;
        }
      } catch {
        // The client has disconnected, or takes too long.
      }
      patience.end();
      reader.cancel().catch(() => {});
    },
  };
}

/** The shares of the limits in which a client's silence is measured. */
const ticks = 200;

/**
 * Limits the time that a client takes. It is counted in ticks of a timer, which has at most one tick in a turn of the event loop: while the
 * isolate computes, or waits for its turn, the client may be sending.
 */
function openPatience({ limits, renew }: BodyReservation) {
  const { maxMilliseconds, maxStallMilliseconds } = limits;
  const tickMilliseconds = Math.max(1, Math.min(maxMilliseconds, maxStallMilliseconds) / ticks);
  const { promise: expired, reject } = Promise.withResolvers<never>();
  // Nothing may be waiting when it expires.
  expired.catch(() => {});
  const tooSlow = (detail: string) => reject(new Problem('body_timeout', detail));
  let waited = 0;
  let stalled = 0;
  let timer = setTimeout(tick, tickMilliseconds);

  function tick() {
    renew();
    waited += tickMilliseconds;
    stalled += tickMilliseconds;
    if (stalled > maxStallMilliseconds) {
      return tooSlow(`The body stalled for ${maxStallMilliseconds / 1000} s.`);
    }
    if (waited > maxMilliseconds) {
      return tooSlow(`The body did not arrive within ${maxMilliseconds / 1000} s.`);
    }
    timer = setTimeout(tick, tickMilliseconds);
  }

  return {
    /** @throws {Problem} `body_timeout` */
    limit<Value>(reading: Promise<Value>): Promise<Value> {
      stalled = 0;
      return Promise.race([reading, expired]);
    },
    end: () => clearTimeout(timer),
  };
}
