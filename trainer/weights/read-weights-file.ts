import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { readNamedFile } from '../../node/files.ts';
import { readPytorch } from './pytorch-file.ts';
import { readSafetensors } from './safetensors.ts';
import { type NamedTensor, WeightsFileError } from './tensor.ts';

/** A hundred times the network's weights, which leaves room for a checkpoint with its optimizer. */
const maxBytes = 256 * 2 ** 20;

export interface WeightsFile {
  /** The file's name without its folder. */
  name: string;
  format: 'pytorch' | 'safetensors';
  sha256: string;
  /** In the order of the module's layers. */
  tensors: NamedTensor[];
  /** The place of the tensors in a `.pth`, and all places with tensors: names of keys, joined by dots; '' is the root. */
  key: string;
  keys: string[];
}

/**
 * Reads a file of weights, `.pth` or `.safetensors`; its first bytes identify the format.
 *
 * @param key which weights to read, if a `.pth` has several
 * @throws {WeightsFileError} if the file is missing or can't be read
 */
export async function readWeightsFile(path: string, key?: string): Promise<WeightsFile> {
  const bytes = await readBounded(path);
  try {
    refuseOtherKinds(bytes);
    const isPytorch = startsWith(bytes, zipSignature) || startsWith(bytes, legacySignature);
    if (key !== undefined && !isPytorch) {
      throw new WeightsFileError('A .safetensors file has no keys. Leave out --key.');
    }
    return {
      name: basename(path),
      format: isPytorch ? 'pytorch' : 'safetensors',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      ...(isPytorch
        ? readPytorch(bytes, key)
        : { tensors: readSafetensors(bytes), key: '', keys: [''] }),
    };
  } catch (cause) {
    if (!(cause instanceof WeightsFileError)) throw cause;
    throw new WeightsFileError(`${path}: ${cause.message}`, { cause });
  }
}

/** Names the places of weights in a file; null if there is only one. */
export const noteOnKeys = ({ key, keys }: Pick<WeightsFile, 'key' | 'keys'>): string | null =>
  keys.length > 1
    ? `The file has weights under ${keys.map((name) => name || '(the root)').join(', ')}. These are those of ${key || 'the root'}; --key chooses others.`
    : null;

const zipSignature = [0x50, 0x4b, 0x03, 0x04];
/** A pickle of protocol 2 that starts with PyTorch's magic number, a LONG1 of ten bytes. */
const legacySignature = [0x80, 0x02, 0x8a, 0x0a];

/** Files that people have by mistake, or that need another step, by what they start with in lower case. */
const otherKinds: { starts: readonly string[]; message: string }[] = [
  {
    starts: ['<!doctype', '<html', '<?xml'],
    message:
      'The file is a web page, not weights: the download was answered with a page, such as one to log in. Download the file itself.',
  },
  {
    starts: ['version https://git-lfs'],
    message:
      'The file is a Git LFS pointer, not the weights that it names. Fetch them with `git lfs pull`.',
  },
  {
    starts: ['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'],
    message:
      'The file is a pickle that torch.save did not write, as of pickle.dump or joblib. Save model.state_dict() with torch.save instead.',
  },
  {
    starts: ['\x89hdf'],
    message: 'The file is HDF5, as of Keras. Only PyTorch and safetensors files are read.',
  },
  {
    starts: ['\x1f\x8b'],
    message: 'The file is compressed with gzip. Unpack it first.',
  },
];

function refuseOtherKinds(bytes: Uint8Array): void {
  if (startsWith(bytes, legacySignature)) return;
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart().toLowerCase();
  const kind = otherKinds.find(({ starts }) => starts.some((text) => start.startsWith(text)));
  if (kind) throw new WeightsFileError(kind.message);
}

const startsWith = (bytes: Uint8Array, signature: number[]) =>
  signature.every((byte, i) => bytes[i] === byte);

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    return await readNamedFile(path, maxBytes);
  } catch (cause) {
    throw new WeightsFileError(`${path} can't be read: ${(cause as Error).message}`, { cause });
  }
}
