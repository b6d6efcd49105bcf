/**
 * Tells whether a client is one of a canary's share. The same client always is or always isn't, also at another Worker, and who is at
 * 5 % still is at 10 %. Another alias takes another 5 %.
 *
 * @param client what tells clients apart; `null` where nothing does, and chance decides
 * @param canary `percent` from 0 to 100
 */
export function isInShare(
  client: string | null,
  { alias, percent }: { alias: string; percent: number },
  random: () => number,
): boolean {
  const place = client === null ? random() : hash(`${alias}\n${client}`) / 2 ** 32;
  return place < percent / 100;
}

/**
 * 32 bits of a text: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), then MurmurHash3's last step (fmix32), for FNV alone puts
 * names that differ in their last letter close together.
 */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) bits = Math.imul(bits ^ byte, 0x01000193);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
