/** The meaning of the names in PyTorch's pickles. */
import { isKind, type Opaque, opaque, type PickleGlobal } from './pickle-machine.ts';
import { type FloatType, WeightsFileError } from './tensor.ts';

/** An array of numbers in the file; tensors are views of it. */
export interface Storage {
  kind: 'storage';
  /** Null if it holds no floating-point numbers. */
  type: FloatType | null;
  key: string;
}

/** A view of a storage. Offset, shape and strides are counted in values. */
export interface StoredTensor {
  kind: 'tensor';
  storage: Storage;
  offset: number;
  shape: readonly number[];
  strides: readonly number[];
}

/** Bytes per value of PyTorch's storage types. */
export const storageBytes: Record<string, number> = {
  DoubleStorage: 8,
  FloatStorage: 4,
  HalfStorage: 2,
  BFloat16Storage: 2,
  LongStorage: 8,
  IntStorage: 4,
  ShortStorage: 2,
  CharStorage: 1,
  ByteStorage: 1,
  BoolStorage: 1,
  ComplexDoubleStorage: 16,
  ComplexFloatStorage: 8,
};

const floatTypes: Record<string, FloatType> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
};

const first: PickleGlobal['call'] = ([value]) => value;

const calls: Record<string, PickleGlobal['call']> = {
  'collections OrderedDict': ([pairs = []]) => mapOf(pairs),
  'collections defaultdict': ([_, items]) => (items instanceof Map ? items : new Map()),
  'collections Counter': ([items]) => (items instanceof Map ? items : new Map()),
  '__builtin__ set': ([items]) => items,
  'builtins set': ([items]) => items,
  'torch Size': first,
  'torch._utils _rebuild_tensor': rebuildTensor,
  'torch._utils _rebuild_tensor_v2': rebuildTensor,
  'torch._utils _rebuild_parameter': first,
  'torch._utils _rebuild_parameter_with_state': first,
  'torch._tensor _rebuild_from_type_v2': ([rebuild, _, parameters]) =>
    isKind<PickleGlobal>(rebuild, 'global') && rebuild.call && Array.isArray(parameters)
      ? rebuild.call(parameters)
      : opaque('torch.Tensor'),
};

/** The names that have a meaning, by `module name`. */
export const pytorchGlobals = new Map<string, PickleGlobal>();
for (const [name, call] of Object.entries(calls)) {
  pytorchGlobals.set(name, { kind: 'global', name: name.replace(' ', '.'), call });
}
for (const type of Object.keys(storageBytes)) {
  for (const module of ['torch', 'torch.cuda']) {
    pytorchGlobals.set(`${module} ${type}`, { kind: 'global', name: type });
  }
}

/** An OrderedDict of Python 2 is called with its items, as pairs. */
function mapOf(pairs: unknown): Map<unknown, unknown> {
  if (Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    return new Map(pairs as [unknown, unknown][]);
  }
  throw new WeightsFileError('The pickle passes something else than pairs to OrderedDict.');
}

/**
 * Turns a persistent ID into a storage: `('storage', torch.FloatStorage, '0', 'cpu', 288)`, kind, type, key, device and length.
 * The format of before 1.6 also has ('module', class, file, source).
 */
export function storageOf(id: unknown): Storage | Opaque | PickleGlobal {
  const [kind, type, key] = Array.isArray(id) ? id : [];
  if (isKind<PickleGlobal>(type, 'global')) {
    if (kind === 'module') return type;
    if (kind === 'storage' && typeof key === 'string') {
      return { kind, type: floatTypes[type.name] ?? null, key };
    }
  }
  throw new WeightsFileError('A persistent ID in the pickle does not name a storage.');
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

export const isTensor = (value: unknown) => isKind<StoredTensor>(value, 'tensor');

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
