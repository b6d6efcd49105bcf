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
}

/**
 * Reads a file of weights, `.pth` or `.safetensors`; its first bytes identify the format.
 *
 * @throws {WeightsFileError} if the file is missing or can't be read
 */
export async function readWeightsFile(path: string): Promise<WeightsFile> {
  const bytes = await readBounded(path);
  try {
    const isZip = startsWith(bytes, zipSignature);
    if (startsWith(bytes, legacySignature)) {
      throw new WeightsFileError(
        'The file has the format of PyTorch before 1.6. Load it with PyTorch and save its state_dict() again.',
      );
    }
    return {
      name: basename(path),
      format: isZip ? 'pytorch' : 'safetensors',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      tensors: isZip ? readPytorch(bytes) : readSafetensors(bytes),
    };
  } catch (cause) {
    if (!(cause instanceof WeightsFileError)) throw cause;
    throw new WeightsFileError(`${path}: ${cause.message}`, { cause });
  }
}

const zipSignature = [0x50, 0x4b, 0x03, 0x04];
/** A pickle of protocol 2 that starts with PyTorch's magic number, a LONG1 of ten bytes. */
const legacySignature = [0x80, 0x02, 0x8a, 0x0a];
const startsWith = (bytes: Uint8Array, signature: number[]) =>
  signature.every((byte, i) => bytes[i] === byte);

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    return await readNamedFile(path, maxBytes);
  } catch (cause) {
    throw new WeightsFileError(`${path} can't be read: ${(cause as Error).message}`, { cause });
  }
}
