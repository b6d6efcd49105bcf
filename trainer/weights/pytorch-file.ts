import { openArchive, type PytorchContent } from './pytorch-archive.ts';
import { isTensor, type StoredTensor } from './pytorch-globals.ts';
import { openLegacy } from './pytorch-legacy.ts';
import { chooseStateDict } from './state-dicts.ts';
import {
  bytesPerValue,
  type NamedTensor,
  sizeOf,
  valueReader,
  WeightsFileError,
} from './tensor.ts';

export interface PytorchWeights {
  /** In the order in which the module defines them. */
  tensors: NamedTensor[];
  /** Their place in the file: names of keys, joined by dots; '' is the root. */
  key: string;
  /** All keys under which the file has weights. */
  keys: string[];
}

/**
 * Reads the weights in a file that `torch.save` wrote: a state_dict, or a checkpoint that contains one. The interpreter of its
 * pickle knows tensors and dictionaries and executes nothing; all else is skipped.
 *
 * @param key the place of the weights, if the file has several
 * @throws {WeightsFileError} if the file is corrupt or has no state_dict there
 */
export function readPytorch(bytes: Uint8Array, key?: string): PytorchWeights {
  const content = bytes[0] === 0x80 ? openLegacy(bytes) : openArchive(bytes);
  const { stateDict, ...found } = chooseStateDict(content.root, key);
  const tensors: NamedTensor[] = [];
  for (const [name, tensor] of stateDict) {
    // Counters, such as SWA's n_averaged, and settings beside the weights.
    if (typeof name !== 'string' || !isTensor(tensor) || isCounter(tensor)) continue;
    tensors.push({ name, shape: tensor.shape, values: () => readTensor(name, tensor, content) });
  }
  return { tensors, ...found };
}

const isCounter = ({ shape, storage }: StoredTensor) => shape.length === 0 && storage.type === null;

function readTensor(name: string, tensor: StoredTensor, content: PytorchContent): Float32Array {
  const { storage, offset, shape, strides } = tensor;
  const { type, key } = storage;
  const bytes = content.storage(key);
  if (type === null) throw new WeightsFileError(`${name} does not hold floating-point numbers.`);
  if (!bytes) throw new WeightsFileError(`The file lacks the values of ${name}, storage ${key}.`);
  const length = Math.floor(bytes.byteLength / bytesPerValue(type));
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * (strides[i] as number), offset);
  const count = sizeOf(shape);
  if (count > 0 && last >= length) {
    throw new WeightsFileError(
      `${name} reaches to value ${last}, but its storage ${key} holds ${length}: the file is corrupt.`,
    );
  }
  const read = valueReader(bytes, type, content.littleEndian);
  const values = new Float32Array(count);
  const position = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    values[i] = read(from);
    // Advances the position like an odometer, last dimension first.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      const next = (position[axis] as number) + 1;
      from += stride;
      if (next < (shape[axis] as number)) {
        position[axis] = next;
        break;
      }
      from -= next * stride;
      position[axis] = 0;
    }
  }
  return values;
}
