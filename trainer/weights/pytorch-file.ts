import { unzipSync } from 'fflate';
import {
  bytesPerValue,
  type FloatType,
  type NamedTensor,
  sizeOf,
  valueReader,
  WeightsFileError,
} from './tensor.ts';
import { PickleGlobal, unpickle } from './unpickle.ts';

/** Files in the archive: a state_dict has one a tensor. */
const maximumEntries = 10_000;
/** What all of them may hold uncompressed: a hundred times the network's weights. */
const maximumBytes = 256 * 2 ** 20;

/** One of the archive's arrays of numbers; tensors are views of it. */
class Storage {
  /** Null where it holds no floating point numbers. */
  readonly type: FloatType | null;
  /** Its file's name in data/. */
  readonly key: string;

  constructor(type: FloatType | null, key: string) {
    this.type = type;
    this.key = key;
  }
}

/** A view of a storage; position, shape and strides are counted in values. */
class StoredTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: Storage,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/**
 * Reads a state_dict that `torch.save` wrote (PyTorch 1.6 or later): a zip archive of a pickle, which names the tensors,
 * and of their values. The pickle is read by an interpreter that knows tensors and dictionaries and executes nothing.
 * A dictionary that has the state_dict as its `state_dict`, `model_state_dict` or `model` is taken as well.
 *
 * @returns the tensors in the order in which the module defines them
 * @throws {WeightsFileError} where the file is damaged, or names anything but tensors and plain values
 */
export function readPytorch(bytes: Uint8Array): NamedTensor[] {
  const archive = unzip(bytes);
  const root = unpickle(archive.pickle, {
    globals,
    persistentLoad: storageOf,
    advice: 'save model.state_dict(), not the model',
  });
  return tensorsOf(stateDictOf(root), archive);
}

interface Archive {
  pickle: Uint8Array;
  littleEndian: boolean;
  /** A storage's bytes; undefined where the archive has none by that key. */
  storage(key: string): Uint8Array | undefined;
}

function unzip(bytes: Uint8Array): Archive {
  let entries = 0;
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter({ name, size, originalSize }) {
        if (++entries > maximumEntries) throw new WeightsFileError('it has too many files');
        total += Math.max(size, originalSize);
        if (total > maximumBytes) throw new WeightsFileError('it unpacks to too many bytes');
        return isRead(name);
      },
    });
  } catch (cause) {
    throw new WeightsFileError(
      `The zip archive is not read: ${(cause as Error).message}. Was the file copied whole?`,
      { cause },
    );
  }
  const root = Object.keys(files).find((name) => name.endsWith('/data.pkl'));
  const pickle = root === undefined ? undefined : files[root];
  if (root === undefined || !pickle) {
    throw new WeightsFileError(
      'The zip archive has no data.pkl: torch.save did not write it, or the file is damaged.',
    );
  }
  const folder = root.slice(0, -'data.pkl'.length);
  if (files[`${folder}constants.pkl`]) {
    throw new WeightsFileError('This is TorchScript. Save model.state_dict() with torch.save.');
  }
  const byteOrder = files[`${folder}byteorder`];
  return {
    pickle,
    littleEndian: !byteOrder || Buffer.from(byteOrder).toString('latin1') !== 'big',
    storage: (key) => files[`${folder}data/${key}`],
  };
}

const isRead = (name: string) => /\/(data\.pkl|constants\.pkl|byteorder|data\/\d+)$/.test(name);

/** The names that a state_dict's pickle consists of, and those that a checkpoint has besides. */
const globals = new Map(
  [
    new PickleGlobal('collections OrderedDict', (parameters) => {
      if (parameters.length > 0) throw new WeightsFileError('An OrderedDict is made of values.');
      return new Map();
    }),
    new PickleGlobal('torch._utils _rebuild_tensor_v2', rebuildTensor),
    new PickleGlobal('torch._utils _rebuild_parameter', ([tensor]) => tensor),
    ...[
      ...['DoubleStorage', 'FloatStorage', 'HalfStorage', 'BFloat16Storage', 'LongStorage'],
      ...['IntStorage', 'ShortStorage', 'CharStorage', 'ByteStorage', 'BoolStorage'],
    ].map((type) => new PickleGlobal(`torch ${type}`)),
  ].map((global) => [global.name, global]),
);

const floatTypes: Record<string, FloatType> = {
  'torch DoubleStorage': 'float64',
  'torch FloatStorage': 'float32',
  'torch HalfStorage': 'float16',
  'torch BFloat16Storage': 'bfloat16',
};

/** `('storage', torch.FloatStorage, '0', 'cpu', 288)`: kind, type, key, device and length. */
function storageOf(id: unknown): Storage {
  const [kind, type, key] = Array.isArray(id) ? id : [];
  if (kind !== 'storage' || !(type instanceof PickleGlobal) || typeof key !== 'string') {
    throw new WeightsFileError('The pickle names something outside of it that is no storage.');
  }
  return new Storage(floatTypes[type.name] ?? null, key);
}

/** `_rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks)` */
function rebuildTensor(parameters: readonly unknown[]): StoredTensor {
  const [storage, offset, shape, strides] = parameters;
  const areCounts = (values: unknown): values is number[] =>
    Array.isArray(values) && values.every(isCount);
  if (
    !(storage instanceof Storage) ||
    !isCount(offset) ||
    !areCounts(shape) ||
    !areCounts(strides) ||
    shape.length !== strides.length
  ) {
    throw new WeightsFileError('The pickle describes a tensor without storage, shape or strides.');
  }
  return new StoredTensor(storage, offset, shape, strides);
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

function stateDictOf(root: unknown): Map<unknown, unknown> {
  if (root instanceof Map) {
    const holdsTensors = [...root.values()].some((value) => value instanceof StoredTensor);
    if (holdsTensors) return root;
    for (const key of ['state_dict', 'model_state_dict', 'model']) {
      const inner = root.get(key);
      if (inner instanceof Map) return inner;
    }
  }
  throw new WeightsFileError(
    'The file holds no state_dict. Save it: torch.save(model.state_dict(), path).',
  );
}

function tensorsOf(stateDict: Map<unknown, unknown>, archive: Archive): NamedTensor[] {
  return Array.from(stateDict, ([name, tensor]) => {
    if (typeof name !== 'string' || !(tensor instanceof StoredTensor)) {
      throw new WeightsFileError(`${String(name)} in the state_dict is no tensor.`);
    }
    return { name, shape: tensor.shape, values: () => readTensor(name, tensor, archive) };
  });
}

function readTensor(name: string, tensor: StoredTensor, archive: Archive): Float32Array {
  const { storage, offset, shape, strides } = tensor;
  const { type, key } = storage;
  const bytes = archive.storage(key);
  if (type === null) throw new WeightsFileError(`${name} holds no floating point numbers.`);
  if (!bytes) throw new WeightsFileError(`The archive lacks ${name}'s values, data/${key}.`);
  const length = Math.floor(bytes.byteLength / bytesPerValue[type]);
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * (strides[i] as number), offset);
  const count = sizeOf(shape);
  if (count > 0 && last >= length) {
    throw new WeightsFileError(
      `${name} reaches to value ${last}, but its storage data/${key} holds ${length}: the file is damaged.`,
    );
  }
  const read = valueReader(bytes, type, archive.littleEndian);
  const values = new Float32Array(count);
  const position = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    values[i] = read(from);
    // The next position, the last dimension first, as an odometer counts.
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
