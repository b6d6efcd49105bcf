import seedrandom from 'seedrandom';

/** Random numbers that only a seed determines. */
export interface Random {
  /** Returns a number from `from` up to `to`. */
  uniform(from: number, to: number): number;
  /** Returns a number of mean 0 and standard deviation 1: a sum of three uniform ones, which is nearly normal and never beyond 3. */
  normal(): number;
  /** Returns true with a probability. */
  happens(probability: number): boolean;
}

export function openRandom(seed: string): Random {
  const next = seedrandom.alea(seed);
  return {
    uniform: (from, to) => from + (to - from) * next(),
    normal: () => 2 * (next() + next() + next()) - 3,
    happens: (probability) => next() < probability,
  };
}
