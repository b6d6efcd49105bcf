import { openArchive, type PytorchArchive } from './pytorch-archive.ts';
import {
  bytesPerValue,
  type FloatType,
  type NamedTensor,
  sizeOf,
  valueReader,
  WeightsFileError,
} from './tensor.ts';
import { isKind, type PickleGlobal, unpickle } from './unpickle.ts';

/** One of the archive's arrays of numbers; tensors are views of it. */
interface Storage {
  kind: 'storage';
  /** Null if it holds no floating-point numbers. */
  type: FloatType | null;
  /** The name of its file in data/. */
  key: string;
}

/** A view of a storage. Offset, shape and strides are counted in values. */
interface StoredTensor {
  kind: 'tensor';
  storage: Storage;
  offset: number;
  shape: readonly number[];
  strides: readonly number[];
}

/**
 * Reads a state_dict that `torch.save` wrote (PyTorch 1.6 or later): a zip archive of a pickle, which names the tensors,
 * and their values. The interpreter of the pickle knows tensors and dictionaries and executes nothing. The state_dict may
 * also be the `state_dict`, `model_state_dict` or `model` of a dictionary.
 *
 * @returns the tensors in the order in which the module defines them
 * @throws {WeightsFileError} if the file is corrupt, or contains anything but tensors and plain values
 */
export function readPytorch(bytes: Uint8Array): NamedTensor[] {
  const archive = openArchive(bytes);
  const root = unpickle(archive.pickle, {
    globals,
    persistentLoad: storageOf,
    advice: 'save model.state_dict(), not the model',
  });
  return tensorsOf(stateDictOf(root), archive);
}

/** PyTorch's storage types; null if they hold no floating-point numbers. */
const storageTypes: Record<string, FloatType | null> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: null,
  IntStorage: null,
  ShortStorage: null,
  CharStorage: null,
  ByteStorage: null,
  BoolStorage: null,
};

const calls: Record<string, PickleGlobal['call']> = {
  'collections OrderedDict': (parameters) => {
    if (parameters.length > 0)
      throw new WeightsFileError('The pickle passes items to OrderedDict, which is not supported.');
    return new Map();
  },
  'torch._utils _rebuild_tensor_v2': rebuildTensor,
  'torch._utils _rebuild_parameter': ([tensor]) => tensor,
};

/** The names that the pickles of state_dicts and checkpoints use. */
const globals = new Map<string, PickleGlobal>();
for (const [name, call] of Object.entries(calls)) globals.set(name, { kind: 'global', name, call });
for (const type of Object.keys(storageTypes)) {
  globals.set(`torch ${type}`, { kind: 'global', name: type });
}

/** `('storage', torch.FloatStorage, '0', 'cpu', 288)`: kind, type, key, device and length. */
function storageOf(id: unknown): Storage {
  const [kind, type, key] = Array.isArray(id) ? id : [];
  if (kind !== 'storage' || !isKind<PickleGlobal>(type, 'global') || typeof key !== 'string') {
    throw new WeightsFileError('A persistent ID in the pickle does not name a storage.');
  }
  return { kind, type: storageTypes[type.name] ?? null, key };
}

/** `_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks)` */
function rebuildTensor(parameters: readonly unknown[]): StoredTensor {
  const [storage, offset, shape, strides] = parameters;
  const areCounts = (values: unknown): values is number[] =>
    Array.isArray(values) && values.every(isCount);
  if (
    !isKind<Storage>(storage, 'storage') ||
    !isCount(offset) ||
    !areCounts(shape) ||
    !areCounts(strides) ||
    shape.length !== strides.length
  ) {
    throw new WeightsFileError('A tensor in the pickle lacks its storage, shape or strides.');
  }
  return { kind: 'tensor', storage, offset, shape, strides };
}

const isTensor = (value: unknown) => isKind<StoredTensor>(value, 'tensor');

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

function stateDictOf(root: unknown): Map<unknown, unknown> {
  if (root instanceof Map) {
    const holdsTensors = [...root.values()].some(isTensor);
    if (holdsTensors) return root;
    for (const key of ['state_dict', 'model_state_dict', 'model']) {
      const inner = root.get(key);
      if (inner instanceof Map) return inner;
    }
  }
  throw new WeightsFileError(
    'The file contains no state_dict. Save one: torch.save(model.state_dict(), path).',
  );
}

function tensorsOf(stateDict: Map<unknown, unknown>, archive: PytorchArchive): NamedTensor[] {
  return Array.from(stateDict, ([name, tensor]) => {
    if (typeof name !== 'string') {
      throw new WeightsFileError('An entry of the state_dict has a name that is not a string.');
    }
    if (!isTensor(tensor)) {
      throw new WeightsFileError(`${name} in the state_dict is not a tensor.`);
    }
    return { name, shape: tensor.shape, values: () => readTensor(name, tensor, archive) };
  });
}

function readTensor(name: string, tensor: StoredTensor, archive: PytorchArchive): Float32Array {
  const { storage, offset, shape, strides } = tensor;
  const { type, key } = storage;
  const bytes = archive.storage(key);
  if (type === null) throw new WeightsFileError(`${name} does not hold floating-point numbers.`);
  if (!bytes) throw new WeightsFileError(`The archive lacks the values of ${name}, data/${key}.`);
  const length = Math.floor(bytes.byteLength / bytesPerValue(type));
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * (strides[i] as number), offset);
  const count = sizeOf(shape);
  if (count > 0 && last >= length) {
    throw new WeightsFileError(
      `${name} reaches to value ${last}, but its storage data/${key} holds ${length}: the file is corrupt.`,
    );
  }
  const read = valueReader(bytes, type, archive.littleEndian);
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
