import { PickleReader } from './pickle-reader.ts';
import type { PytorchContent } from './pytorch-archive.ts';
import { pytorchGlobals, storageBytes, storageOf } from './pytorch-globals.ts';
import { WeightsFileError } from './tensor.ts';
import { unpickle } from './unpickle.ts';

/**
 * Reads the format of PyTorch before 1.6, which `torch.save(…, _use_new_zipfile_serialization=False)` still writes: pickles of a
 * magic number, the protocol's version, the system, the object and the keys of its storages; then each storage's length (int64)
 * and values.
 *
 * @throws {WeightsFileError} if the file is corrupt
 */
export function openLegacy(bytes: Uint8Array): PytorchContent {
  const reader = new PickleReader(bytes);
  const types = new Map<string, string>();
  const options = {
    globals: pytorchGlobals,
    persistentLoad(id: unknown) {
      const storage = storageOf(id);
      if (storage.kind !== 'storage') return storage;
      const [, type, key, , , view] = id as [unknown, { name: string }, string, ...unknown[]];
      if (view !== null && view !== undefined) {
        throw new WeightsFileError(
          'The file has views of storages, as PyTorch wrote them before 0.4. Load it with PyTorch and save its state_dict() again.',
        );
      }
      types.set(key, type.name);
      return storage;
    },
  };
  const read = () => unpickle(reader, options);
  read(); // The magic number.
  const version = read();
  if (version !== 1001) {
    throw new WeightsFileError(`The file has version ${String(version)} of its format, not 1001.`);
  }
  const system = read();
  const root = read();
  const keys = read();
  if (!Array.isArray(keys) || !(system instanceof Map)) {
    throw new WeightsFileError('The file does not list its storages: it is corrupt.');
  }
  const storages = new Map<unknown, Uint8Array>();
  for (const key of keys) {
    const type = types.get(String(key)) ?? '';
    const size = reader.uint64() * (storageBytes[type] ?? 1);
    const from = reader.skip(size);
    storages.set(key, bytes.subarray(from, from + size));
  }
  return {
    root,
    littleEndian: system.get('little_endian') !== false,
    storage: (key) => storages.get(key),
  };
}
