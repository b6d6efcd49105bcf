import type { KeyObject } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import type { Bucket } from '../registry/bucket.ts';
import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
  isCheckpointSignedBy,
} from './checkpoint.ts';

/** Two slots that take turns, so that the older checkpoint stays until the newer one is complete. */
const slots = ['a.checkpoint', 'b.checkpoint'] as const;
type Slot = (typeof slots)[number];

/** Stores checkpoints. A write is complete or has no effect. */
export interface CheckpointStore {
  /** The folder or the bucket's URL, as `--resume` accepts it. */
  location: string;
  /** @returns null if the slot is empty */
  read(slot: Slot): Promise<Uint8Array | null>;
  write(slot: Slot, bytes: Uint8Array): Promise<void>;
}

/** Stores checkpoints in a folder. The first write creates it. */
export function folderStore(folder: string): CheckpointStore {
  return {
    location: folder,
    async read(slot) {
      try {
        return await readFile(join(folder, slot));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ENOTDIR') return null;
        throw error;
      }
    },
    async write(slot, bytes) {
      await removePartialFiles(folder);
      await writeAtomically(join(folder, slot), bytes);
    },
  };
}

/** Removes the files that a process left when it was killed while writing. */
async function removePartialFiles(folder: string): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  for (const file of files) if (file.endsWith('.part')) await rm(join(folder, file));
}

/** Stores checkpoints in a bucket, for machines that lose their disks. */
export function bucketStore(bucket: Bucket): CheckpointStore {
  return {
    location: bucket.url,
    read: async (slot) => (await bucket.get(bucket.layout.checkpoint(slot)))?.bytes ?? null,
    write: async (slot, bytes) => {
      await bucket.put(bucket.layout.checkpoint(slot), bytes, {
        contentType: 'application/octet-stream',
      });
    },
  };
}

/** The checkpoints of one run. */
export interface Checkpoints {
  location: string;
  /** The newest intact checkpoint at the time of opening; null if there was none. */
  latest: Checkpoint | null;
  /** One message per unusable checkpoint. */
  faults: readonly string[];
  /** @throws {CheckpointError} if the checkpoint cannot be written; the previous one stays */
  save(checkpoint: Checkpoint): Promise<void>;
}

/**
 * Opens a store and reads its newest checkpoint.
 *
 * @param signingKey signs the checkpoints. A stored one is usable only if it was signed with this key
 * @throws {CheckpointError} if the store cannot be read, or has checkpoints of which none is intact
 */
export async function openCheckpoints(
  store: CheckpointStore,
  signingKey?: KeyObject,
): Promise<Checkpoints> {
  const { location } = store;
  const found: { slot: Slot; checkpoint: Checkpoint }[] = [];
  const faults: string[] = [];
  for (const slot of slots) {
    const bytes = await store.read(slot).catch((cause: Error) => {
      const reason = `Cannot read checkpoints from ${location}: ${cause.message}`;
      throw new CheckpointError(reason, { cause });
    });
    if (bytes === null) continue;
    try {
      const checkpoint = decodeCheckpoint(bytes);
      if (signingKey && !isCheckpointSignedBy(bytes, signingKey)) throw notSigned();
      found.push({ slot, checkpoint });
    } catch (error) {
      faults.push(`${location}/${slot} is unusable: ${(error as Error).message}`);
    }
  }
  found.sort((one, other) => compare(other.checkpoint, one.checkpoint));
  if (found.length === 0 && faults.length > 0) {
    throw new CheckpointError(`There is no intact checkpoint. ${faults.join('; ')}`);
  }
  const [newest] = found;
  let current = newest?.slot;
  return {
    location,
    latest: newest?.checkpoint ?? null,
    faults,
    async save(checkpoint) {
      const slot = slots.find((other) => other !== current) as Slot;
      try {
        await store.write(slot, encodeCheckpoint(checkpoint, signingKey));
      } catch (cause) {
        const advice = current ? ' --resume continues from the previous checkpoint.' : '';
        throw new CheckpointError(
          `Cannot write a checkpoint to ${location}: ${(cause as Error).message}.${advice}`,
          { cause },
        );
      }
      current = slot;
    },
  };
}

const notSigned = () =>
  new CheckpointError(
    'it is not signed with the key of --sign, so anyone who can write to the bucket may have written it. Only a run that was started with --checkpoint and --sign can be resumed with --sign',
  );

function compare(one: Checkpoint, other: Checkpoint): number {
  const [a, b] = [one.state.position, other.state.position];
  return a.epoch - b.epoch || a.step - b.step;
}
