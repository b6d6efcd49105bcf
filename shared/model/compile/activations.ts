import { type Clamp, type Curve, curves, type Operation, unclamped } from './operation.ts';

const clamps: Record<string, Clamp> = {
  relu: { ...unclamped, lowest: 0 },
  relu6: { lowest: 0, highest: 6 },
};

/**
 * Returns the operations of an activation.
 *
 * @param shape of the input and the output, without the batch
 * @param addValue adds a value of this shape
 * @returns null if the compiler does not know it
 */
export function activationOperations(
  name: string,
  input: number,
  output: number,
  shape: readonly number[],
  addValue: () => number,
): Operation[] | null {
  const inputs = [input];
  const clamp = clamps[name];
  if (clamp) return [{ kind: 'clamp', inputs, output, clamp }];
  if (curves.includes(name as Curve)) {
    return [{ kind: 'curve', inputs, output, curve: name as Curve }];
  }
  if (name === 'softmax') return isPixel(shape) ? [{ kind: 'softmax', inputs, output }] : null;
  if (name === 'hardSigmoid') {
    const line = addValue();
    const constants = (value: number) => new Float64Array(shape.at(-1) as number).fill(value);
    return [
      { kind: 'scale', inputs, output: line, scale: constants(0.2), shift: constants(0.5) },
      { kind: 'clamp', inputs: [line], output, clamp: { lowest: 0, highest: 1 } },
    ];
  }
  return null;
}

/** Whether a shape has one pixel, whose channels are all that a softmax reads. */
export const isPixel = (shape: readonly number[]) => shape.slice(0, -1).every((size) => size === 1);
