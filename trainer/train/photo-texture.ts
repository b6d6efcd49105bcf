/** Backgrounds and patterns for augment-photo.ts: planes of 28x28 values, row by row, 0 black to 1 white. */
import type { Random } from './photo-random.ts';

/** The height and width of the images that photos are made of. */
export const side = 28;
const area = side * side;

export const newPlane = () => new Float32Array(area);

/** The positions of the k values of a coarse row that is stretched to 28: left neighbour and weight of the right one. */
const stretches = Array.from({ length: side / 2 + 1 }, (_, count) => stretchOf(Math.max(2, count)));

function stretchOf(count: number) {
  const left = new Uint8Array(side);
  const weight = new Float32Array(side);
  for (let i = 0; i < side; i++) {
    const at = (i * (count - 1)) / (side - 1);
    left[i] = Math.min(count - 2, Math.floor(at));
    weight[i] = at - (left[i] as number);
  }
  return { left, weight };
}

const coarse = new Float32Array(area);
const stretched = new Float32Array(area);

/**
 * Adds smooth noise: count x count normal values, stretched linearly.
 *
 * @param count 2 to 14, or 28
 */
export function addNoise(
  plane: Float32Array,
  count: number,
  amplitude: number,
  random: Random,
): void {
  if (count === side) {
    for (let i = 0; i < area; i++) plane[i] = (plane[i] as number) + amplitude * random.normal();
    return;
  }
  const { left, weight } = stretches[count] as ReturnType<typeof stretchOf>;
  for (let i = 0; i < count * count; i++) coarse[i] = amplitude * random.normal();
  for (let row = 0; row < count; row++) {
    for (let x = 0; x < side; x++) {
      const at = row * count + (left[x] as number);
      const share = weight[x] as number;
      stretched[row * side + x] =
        (coarse[at] as number) * (1 - share) + (coarse[at + 1] as number) * share;
    }
  }
  for (let y = 0; y < side; y++) {
    const above = (left[y] as number) * side;
    const share = weight[y] as number;
    for (let x = 0; x < side; x++) {
      const value =
        (stretched[above + x] as number) * (1 - share) +
        (stretched[above + side + x] as number) * share;
      plane[y * side + x] = (plane[y * side + x] as number) + value;
    }
  }
}

const scales = [2, 4, 8, 14, 28];

/** Fills a plane with a floor, a wall or cloth: noise of several scales, sometimes stripes, and a slope of the light. */
export function fillTexture(plane: Float32Array, random: Random): void {
  plane.fill(0);
  for (const count of scales) {
    if (random.happens(0.6)) addNoise(plane, count, random.uniform(0, 1) ** 2, random);
  }
  if (random.happens(0.3)) addStripes(plane, random);
  const contrast = (0.28 * random.uniform(0, 1) ** 2) / (deviationOf(plane) + 1e-3);
  const brightness = random.uniform(0, 1);
  const [right, down] = [random.uniform(-0.15, 0.15), random.uniform(-0.15, 0.15)];
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const slope = right * (x / (side / 2) - 1) + down * (y / (side / 2) - 1);
      plane[i] = brightness + contrast * (plane[i] as number) + slope;
    }
  }
}

function addStripes(plane: Float32Array, random: Random): void {
  const angle = random.uniform(0, Math.PI);
  const frequency = random.uniform(0.3, 2.2);
  const phase = random.uniform(0, 2 * Math.PI);
  const amplitude = random.uniform(0, 1.2);
  const [right, down] = [frequency * Math.cos(angle), frequency * Math.sin(angle)];
  for (let i = 0; i < area; i++) {
    const wave = Math.sin((i % side) * right + Math.floor(i / side) * down + phase);
    plane[i] = (plane[i] as number) + amplitude * wave;
  }
}

function deviationOf(plane: Float32Array): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < area; i++) {
    const value = plane[i] as number;
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(Math.max(0, squares / area - (sum / area) ** 2));
}
