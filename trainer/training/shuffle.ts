import seedrandom from 'seedrandom';

/**
 * Puts 0..order.length-1 into a random order that the seed alone determines (Fisher–Yates).
 *
 * @param order overwritten
 */
export function shuffle(order: Uint32Array, seed: string): void {
  const random = seedrandom.alea(seed);
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const swapped = order[last] as number;
    order[last] = order[other] as number;
    order[other] = swapped;
  }
}
