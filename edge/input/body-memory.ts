import { freeArray } from '../../shared/image/image.ts';
import { Problem } from '../errors.ts';

/** The limits for reading request bodies. */
export interface BodyLimits {
  /** The memory for the bodies of all requests of an isolate. */
  maxBytesInFlight: number;
  /** The time that the Worker waits for one body, from its first byte to its last. */
  maxMilliseconds: number;
  /** The time that it waits for the next 256 KiB. */
  maxStallMilliseconds: number;
}

/** An isolate has 128 MB, most of it for models and for decoding. Forms and JSON hold their content up to three times. */
export const bodyLimits: BodyLimits = {
  maxBytesInFlight: 32 * 2 ** 20,
  maxMilliseconds: 30_000,
  maxStallMilliseconds: 10_000,
};

/** The bytes of a refused body that are read and dropped: more than the photos of phones have. */
export const maxDrainedBytes = 32 * 2 ** 20;

/** The memory that the body of one request has reserved. */
export interface BodyReservation {
  readonly limits: BodyLimits;
  /** @throws {Problem} `busy` if the bodies of all requests would exceed the limit */
  grow(bytes: number): void;
  /** Postpones its expiry: the request is still being read. */
  renew(): void;
  /** Takes the body's memory, to free it with `release`. */
  hold(body: Uint8Array): void;
  /** Frees the body's memory: garbage collection may come too late. */
  release(): void;
}

/** The runtime can stop a request without running its clean-up. Its reservation expires so long after its last renewal. */
const maxReservedMilliseconds = 90_000;

/**
 * Opens the memory that the bodies of an isolate's requests share.
 *
 * @param now milliseconds of a clock that never goes back
 * @returns a function that opens a request's reservation, of 0 bytes
 */
export function openBodyMemory(limits: BodyLimits, now: () => number): () => BodyReservation {
  const held = new Map<BodyReservation, { bytes: number; since: number }>();

  function bytesInFlight(): number {
    let total = 0;
    for (const [reservation, { bytes, since }] of held) {
      if (now() - since < maxReservedMilliseconds) total += bytes;
      else held.delete(reservation);
    }
    return total;
  }

  return function openReservation() {
    const bodies: Uint8Array[] = [];
    const reservation: BodyReservation = {
      limits,
      grow(bytes) {
        if (bytesInFlight() + bytes > limits.maxBytesInFlight) {
          throw new Problem(
            'busy',
            'The Worker is reading as many request bodies as its memory holds. Try again.',
          );
        }
        const before = held.get(reservation) ?? { bytes: 0, since: now() };
        held.set(reservation, { ...before, bytes: before.bytes + bytes });
      },
      renew() {
        const before = held.get(reservation);
        if (before) before.since = now();
      },
      hold(body) {
        bodies.push(body);
      },
      release() {
        for (const body of bodies.splice(0)) freeArray(body);
        held.delete(reservation);
      },
    };
    return reservation;
  };
}
