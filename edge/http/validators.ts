/** Cache-Control of what never changes: a year, as much as caches count (RFC 9111, section 1.2.2). */
export const immutable = 'public, max-age=31536000, immutable';

/**
 * @param header of If-None-Match
 * @param tag the ETag of what would be answered, with its quotes
 * @returns whether the client has it: compared weakly, as a proxy that compresses makes tags weak (RFC 9110, section 13.1.2)
 */
export function isKnown(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
