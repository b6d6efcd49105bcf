import type { Scale } from '../model/model-spec.ts';
import {
  type Binding,
  defineKernel,
  elementwise,
  float,
  groupsFor,
  type Kernel,
} from './kernel.ts';
import type { NetworkPlan } from './network-plan.ts';

/** Bits of a packed change; see `packChange`. Shifts are below 28 pixels, and images at most 256 pixels wide and high. */
const shiftOffset = 32;

/** The random changes of an image; see trainer/train/augment.ts. */
export interface Change {
  mirrored: boolean;
  right: number;
  down: number;
  column: number;
  row: number;
}

/** Packs the changes of an image into 29 bits: mirrored 1, right 6, down 6, column 8, row 8. */
export const packChange = ({ mirrored, right, down, column, row }: Change): number =>
  Number(mirrored) |
  ((right + shiftOffset) << 1) |
  ((down + shiftOffset) << 7) |
  (column << 13) |
  (row << 21);

export interface Augmentation {
  flip: boolean;
  /** The side of the black square in pixels. */
  erase: number;
}

/**
 * Returns the kernel that turns the bytes of a batch's images into the network's input [batch, height, width, channels]. The rows
 * of missing images become 0.
 *
 * @param images the buffer of the images' bytes
 * @param order the buffer of the images' order (default: as they are)
 * @param augmentation changes each image as the buffer `changes` says, one packed change an image of the order
 */
export function prepareKernel(
  name: string,
  plan: NetworkPlan,
  batch: number,
  scale: Scale,
  {
    images,
    order,
    augmentation,
  }: { images: string; order?: string; augmentation?: Augmentation | null },
): Kernel {
  const { height, width, channels } = plan;
  const size = height * width * channels;
  const bindings: Binding[] = [
    { variable: 'images', buffer: images, element: 'u32' },
    { variable: 'input', buffer: 'input', writes: true },
  ];
  if (order) bindings.push({ variable: 'order', buffer: order, element: 'u32' });
  if (augmentation) bindings.push({ variable: 'changes', buffer: 'changes', element: 'u32' });
  const { factors, shifts } = scaleOf(scale, channels);
  const code = `
const factors = array<f32, ${channels}>(${factors.map(float).join(', ')});
const shifts = array<f32, ${channels}>(${shifts.map(float).join(', ')});
fn pixel(image: u32, x: u32, y: u32, channel: u32) -> f32 {
  let at = image * ${size}u + (y * ${width}u + x) * ${channels}u + channel;
  return f32((images[at / 4u] >> (8u * (at % 4u))) & 255u);
}
${augmentation ? changedPixel(plan, augmentation) : ''}
${elementwise(batch * size)}
  let position = i / ${size}u;
  if (position >= step.count) { input[i] = 0.0; return; }
  let image = ${order ? 'order[step.first + position]' : 'step.first + position'};
  let channel = i % ${channels}u;
  let x = i / ${channels}u % ${width}u;
  let y = i / ${channels * width}u % ${height}u;
  var factor = factors; var shift = shifts;
  input[i] = ${augmentation ? 'changedPixel(changes[step.first + position], image, x, y, channel)' : 'pixel(image, x, y, channel)'} * factor[channel] + shift[channel];
}`;
  return defineKernel(name, groupsFor(batch * size), bindings, code);
}

/** A value p becomes (p / 255 - mean) / std, which is p * factor + shift. */
function scaleOf({ mean, std }: Scale, channels: number) {
  const ofChannel = (value: number | readonly number[], channel: number) =>
    typeof value === 'number' ? value : (value[channel] as number);
  const all = Array.from({ length: channels }, (_, channel) => channel);
  return {
    factors: all.map((channel) => 1 / 255 / ofChannel(std, channel)),
    shifts: all.map((channel) => -ofChannel(mean, channel) / ofChannel(std, channel)),
  };
}

/** The same as `augmentInto` of trainer/train/augment.ts, looked up from the target's side. */
const changedPixel = (
  { width, height, channels }: NetworkPlan,
  { flip, erase }: Augmentation,
): string => `
fn changedPixel(change: u32, image: u32, x: u32, y: u32, channel: u32) -> f32 {
  let left = i32((change >> 13u) & 255u) - ${Math.floor(erase / 2)};
  let top = i32((change >> 21u) & 255u) - ${Math.floor(erase / 2)};
  if (i32(x) >= left && i32(x) < left + ${erase} && i32(y) >= top && i32(y) < top + ${erase}) { return 0.0; }
  var fromX = i32(x) - (i32((change >> 1u) & 63u) - ${shiftOffset});
  var fromY = i32(y) - (i32((change >> 7u) & 63u) - ${shiftOffset});
  ${
    channels === 1
      ? `if (fromX < 0 || fromX >= ${width} || fromY < 0 || fromY >= ${height}) { return 0.0; }`
      : `fromX = clamp(fromX, 0, ${width - 1}); fromY = clamp(fromY, 0, ${height - 1});`
  }
  ${flip ? `if ((change & 1u) == 1u) { fromX = ${width - 1} - fromX; }` : ''}
  return pixel(image, u32(fromX), u32(fromY), channel);
}`;
