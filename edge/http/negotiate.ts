/**
 * Chooses what to answer by a request's Accept header (RFC 9110, section 12.5.1): of what is offered the type with the highest
 * weight, the earlier one where they are equal.
 *
 * @param offered media types without parameters, the preferred ones first
 * @returns `null` where none is acceptable
 */
export function negotiate<const Type extends string>(
  accept: string,
  offered: readonly Type[],
): Type | null {
  const ranges = accept.split(',').map(parseRange);
  let best: Type | null = null;
  let bestWeight = 0;
  for (const type of offered) {
    const weight = weightOf(type, ranges);
    if (weight > bestWeight) [best, bestWeight] = [type, weight];
  }
  return best;
}

interface MediaRange {
  type: string;
  /** 0 to 1; 0 is not acceptable. */
  weight: number;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = quality === undefined ? 1 : Number(quality.slice(2));
  return { type, weight: weight >= 0 && weight <= 1 ? weight : 0 };
}

/** The most specific range that fits a type decides. */
function weightOf(type: string, ranges: MediaRange[]): number {
  for (const range of [type, `${type.split('/')[0]}/*`, '*/*']) {
    const found = ranges.find((each) => each.type === range);
    if (found) return found.weight;
  }
  return 0;
}

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
