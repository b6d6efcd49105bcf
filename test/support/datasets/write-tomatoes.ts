import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import seedrandom from 'seedrandom';

/**
 * Four kinds of tomato by their chroma, blue and red difference as in JPEG. Their luma is the same: in grey they can't be told apart. No
 * channel leaves 0 to 255, which would change the luma.
 */
const kinds = {
  'black krim': [28, 18],
  'brandywine red': [-15, 50],
  'green zebra': [-25, -35],
  'yellow pear': [-38, 14],
} as const;
export type Tomato = keyof typeof kinds;
export const tomatoes = Object.keys(kinds) as Tomato[];

/** Writes PNGs of tomatoes of any size and place, in colour, in train/<kind>/ and test/<kind>/. */
export async function writeTomatoes(
  folder: string,
  counts: { train: number; test: number },
): Promise<void> {
  for (const [part, count] of Object.entries(counts)) {
    for (const kind of tomatoes) {
      const target = join(folder, part, kind);
      await mkdir(target, { recursive: true });
      for (let i = 0; i < count; i++) {
        await writeFile(join(target, `${i}.png`), drawTomato(kind, `${part}/${i}`));
      }
    }
  }
}

/** @param seed determines everything but the colour: the same for all kinds */
function drawTomato(kind: Tomato, seed: string): Uint8Array {
  const random = seedrandom.alea(seed);
  const between = (low: number, high: number) => low + random() * (high - low);
  const [width, height] = [Math.round(between(60, 90)), Math.round(between(60, 90))];
  const radius = between(0.25, 0.4) * Math.min(width, height);
  const [x0, y0] = [between(0.4, 0.6) * width, between(0.4, 0.6) * height];
  const [luma, ground] = [between(110, 140), between(40, 220)];
  const [blue, red] = kinds[kind].map((chroma) => chroma * between(0.75, 1.1)) as [number, number];
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [((i % width) - x0) / radius, (Math.floor(i / width) - y0) / radius];
    const distance = x * x + 1.15 * y * y;
    const grain = between(-12, 12);
    const isTomato = distance < 1;
    // Lighter to the upper left, where the lamp is.
    const shade = isTomato ? luma - 8 * (x + y) - 10 * distance : ground;
    const [cb, cr] = isTomato ? [blue, red] : [0, 0];
    data[3 * i] = clamp(shade + grain + 1.402 * cr);
    data[3 * i + 1] = clamp(shade + grain - 0.344 * cb - 0.714 * cr);
    data[3 * i + 2] = clamp(shade + grain + 1.772 * cb);
  }
  return encode({ width, height, data, channels: 3, depth: 8 });
}

const clamp = (value: number) => Math.round(Math.max(0, Math.min(255, value)));
