import { Problem } from '../errors.ts';
import { pixelsHash } from './predict.ts';

/** Makes the ids of predictions, and checks those that clients send with their feedback. */
export interface PredictionIds {
  /** The last day on which an id that is made now is accepted, yyyymmdd. Empty if ids are not signed, and so do not expire. */
  expiry(): string;
  /** @param pixels the image that the network saw, 0 to 255 */
  idOf(version: string, pixels: ArrayLike<number>): Promise<string>;
  /**
   * Reads an id that a client sent.
   *
   * @returns its version, the hash of its pixels, and the id without its signature
   * @throws {Problem} `unknown_prediction` if it is not signed, has expired or was not made by this Worker
   */
  read(id: string): Promise<{ version: string; hash: string; unsigned: string }>;
}

export interface PredictionIdOptions {
  /** The model's name, so that an id is valid for one model only. */
  name: string;
  /** The secret that signs ids. `null`: they are not signed. */
  secret: string | null;
  /** How many days an id is accepted. */
  days: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

const dayMilliseconds = 24 * 60 * 60 * 1000;
const hmac = { name: 'HMAC', hash: 'SHA-256' };
const encode = (text: string) => new TextEncoder().encode(text);
const dayOf = (milliseconds: number) =>
  new Date(milliseconds).toISOString().slice(0, 10).replaceAll('-', '');

/**
 * Opens the ids of a model's predictions: `<version>.<SHA-256 of the pixels>`, and with a secret also `.<last day>.<HMAC-SHA-256>`.
 * On the same day, an image has the same id, so that answers with ids can be cached and repeated feedback is recognized.
 */
function openPredictionIds(options: PredictionIdOptions): PredictionIds {
  const { name, secret, days, now } = options;
  let key: Promise<CryptoKey> | null = null;

  const openKey = (from: string) => {
    key ??= crypto.subtle.importKey('raw', encode(from), hmac, false, ['sign', 'verify']);
    return key;
  };
  const messageOf = (unsigned: string, expiry: string) =>
    encode(`catwalk feedback\n${name}\n${unsigned}\n${expiry}`);
  const expiry = () => (secret === null ? '' : dayOf(now() + days * dayMilliseconds));

  return {
    expiry,

    async idOf(version, pixels) {
      const unsigned = `${version}.${await pixelsHash(pixels)}`;
      if (secret === null) return unsigned;
      const last = expiry();
      const signature = await crypto.subtle.sign(
        'HMAC',
        await openKey(secret),
        messageOf(unsigned, last),
      );
      return `${unsigned}.${last}.${toBase64Url(new Uint8Array(signature))}`;
    },

    async read(id) {
      const [version = '', hash = '', last, signature] = id.split('.');
      const unsigned = `${version}.${hash}`;
      const answer = { version, hash, unsigned };
      if (secret === null) return answer;
      if (last === undefined || signature === undefined) {
        throw unknown('The id is not signed. Send the id of a new prediction.');
      }
      const bytes = fromBase64Url(signature);
      const message = messageOf(unsigned, last);
      if (!(await crypto.subtle.verify('HMAC', await openKey(secret), bytes, message))) {
        throw unknown('This Worker has not made the id. Send the id of a prediction as it is.');
      }
      if (last < dayOf(now())) throw unknown(`The id expired on ${last}. Predict the image again.`);
      return answer;
    },
  };
}

/** Opens the ids of each model's predictions, those of a model when it is first named. */
export function openIdsOfModels(
  options: Omit<PredictionIdOptions, 'name'>,
): (model: string) => PredictionIds {
  const opened = new Map<string, PredictionIds>();
  return function idsOf(name) {
    const ids = opened.get(name) ?? openPredictionIds({ ...options, name });
    opened.set(name, ids);
    return ids;
  };
}

const unknown = (detail: string) => new Problem('unknown_prediction', detail);

const toBase64Url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');

const fromBase64Url = (text: string) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  );
