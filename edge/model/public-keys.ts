import * as z from 'zod/mini';

/** An Ed25519 public key in DER is this and its 32 bytes (RFC 8410). */
const derStart = '302a300506032b6570032100';
const derBytes = 44;

/**
 * Ed25519 public keys as `openssl pkey -in key.pem -pubout` prints them, one after the other, or their base64 alone. Several,
 * so that a key can be changed for another: models signed by either are served for as long as both are named.
 *
 * @returns the 32 bytes of each key
 */
export const publicKeysSchema = z.pipe(
  z.string(),
  z.transform((text, context) => {
    const blocks = text
      .replace(/-----(BEGIN|END) PUBLIC KEY-----/g, ' , ')
      .split(',')
      .map((block) => block.replace(/\s+/g, ''))
      .filter((block) => block !== '');
    return blocks.map((block) => {
      const der = decodeBase64(block);
      const start = Array.from(der.subarray(0, 12), (byte) => byte.toString(16).padStart(2, '0'));
      if (der.byteLength !== derBytes || start.join('') !== derStart) {
        context.issues.push({
          code: 'custom',
          input: block,
          message: 'is no Ed25519 public key; `openssl pkey -in key.pem -pubout` prints one',
        });
      }
      return der.slice(derStart.length / 2);
    });
  }),
);

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}
