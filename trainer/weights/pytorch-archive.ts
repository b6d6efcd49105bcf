import { unzipSync } from 'fflate';
import { PickleReader } from './pickle-reader.ts';
import { pytorchGlobals, storageOf } from './pytorch-globals.ts';
import { WeightsFileError } from './tensor.ts';
import { unpickle } from './unpickle.ts';

/** Files in the archive; a state_dict has one per tensor. */
const maxEntries = 10_000;
/** Uncompressed size of all files: a hundred times the network's weights. */
const maxBytes = 256 * 2 ** 20;

/** The content of a file of `torch.save`. */
export interface PytorchContent {
  /** The saved object. */
  root: unknown;
  littleEndian: boolean;
  /** Returns a storage's bytes, or undefined if the file lacks them. */
  storage(key: string): Uint8Array | undefined;
}

/**
 * Reads the zip archive that PyTorch 1.6 and later write.
 *
 * @throws {WeightsFileError} if the archive is corrupt, too large or of another kind
 */
export function openArchive(bytes: Uint8Array): PytorchContent {
  let entries = 0;
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter({ name, size, originalSize }) {
        if (++entries > maxEntries)
          throw new WeightsFileError(`it has more than ${maxEntries} files`);
        total += Math.max(size, originalSize);
        if (total > maxBytes) {
          throw new WeightsFileError(`it unpacks to more than ${maxBytes} bytes`);
        }
        return isRead(name);
      },
    });
  } catch (cause) {
    throw new WeightsFileError(
      `The zip archive can't be read: ${(cause as Error).message}. Copy the file again.`,
      { cause },
    );
  }
  const root = Object.keys(files).find((name) => name.endsWith('/data.pkl'));
  const pickle = root === undefined ? undefined : files[root];
  if (root === undefined || !pickle) {
    throw new WeightsFileError(
      'The zip archive has no data.pkl: torch.save did not write it, or the file is corrupt. An .npz or a Keras file has none either.',
    );
  }
  const folder = root.slice(0, -'data.pkl'.length);
  if (files[`${folder}constants.pkl`]) {
    throw new WeightsFileError(
      'The file is TorchScript. Save model.state_dict() with torch.save instead.',
    );
  }
  const byteOrder = files[`${folder}byteorder`];
  return {
    root: unpickle(new PickleReader(pickle), {
      globals: pytorchGlobals,
      persistentLoad: storageOf,
    }),
    littleEndian: !byteOrder || Buffer.from(byteOrder).toString('latin1') !== 'big',
    storage: (key) => files[`${folder}data/${key}`],
  };
}

const isRead = (name: string) => /\/(data\.pkl|constants\.pkl|byteorder|data\/\d+)$/.test(name);
