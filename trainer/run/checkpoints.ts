import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import type { Bucket } from '../registry/bucket.ts';
import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
} from './checkpoint.ts';

/** Two places for checkpoints, so that the older one stays until the newer one is whole. */
export const slots = ['a.checkpoint', 'b.checkpoint'] as const;
export type Slot = (typeof slots)[number];

/** Keeps checkpoints; a write is whole or does nothing. */
export interface CheckpointStore {
  /** For people, and for `--resume`. */
  where: string;
  /** @returns null where the slot is empty */
  read(slot: Slot): Promise<Uint8Array | null>;
  write(slot: Slot, bytes: Uint8Array): Promise<void>;
}

/** Checkpoints in a folder, which a first write makes. */
export function folderStore(folder: string): CheckpointStore {
  return {
    where: folder,
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
      await removeUnfinished(folder);
      await writeAtomically(join(folder, slot), bytes);
    },
  };
}

/** What a process that was killed while it wrote has left. */
async function removeUnfinished(folder: string): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  for (const file of files) if (file.endsWith('.part')) await rm(join(folder, file));
}

/** Checkpoints in a bucket, for machines whose disk goes with them. */
export function bucketStore(bucket: Bucket): CheckpointStore {
  return {
    where: bucket.url,
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
  where: string;
  /** The newest that is whole, when they were opened; null where there was none. */
  latest: Checkpoint | null;
  /** What is wrong with those that are not whole, a line each. */
  damages: readonly string[];
  /** @throws {CheckpointError} where it can't be written; the one before stays */
  save(checkpoint: Checkpoint): Promise<void>;
}

/**
 * Reads what is there.
 *
 * @throws {CheckpointError} where there are checkpoints, but none is whole, or they can't be read
 */
export async function openCheckpoints(store: CheckpointStore): Promise<Checkpoints> {
  const found: { slot: Slot; checkpoint: Checkpoint }[] = [];
  const damages: string[] = [];
  for (const slot of slots) {
    const bytes = await store.read(slot).catch((cause: Error) => {
      throw new CheckpointError(`No checkpoint can be read from ${store.where}: ${cause.message}`, {
        cause,
      });
    });
    if (bytes === null) continue;
    try {
      found.push({ slot, checkpoint: decodeCheckpoint(bytes) });
    } catch (error) {
      damages.push(`${store.where}/${slot} can't be used, ${(error as Error).message}`);
    }
  }
  found.sort((one, other) => compare(other.checkpoint, one.checkpoint));
  if (found.length === 0 && damages.length > 0) {
    throw new CheckpointError(`There is no whole checkpoint. ${damages.join('; ')}`);
  }
  const [newest] = found;
  let kept = newest?.slot;
  return {
    where: store.where,
    latest: newest?.checkpoint ?? null,
    damages,
    async save(checkpoint) {
      const slot = slots.find((other) => other !== kept) as Slot;
      try {
        await store.write(slot, encodeCheckpoint(checkpoint));
      } catch (cause) {
        const before =
          kept === undefined ? '' : ` The one before is whole: --resume goes on from it.`;
        throw new CheckpointError(
          `The checkpoint can't be written to ${store.where}: ${(cause as Error).message}.${before}`,
          { cause },
        );
      }
      kept = slot;
    },
  };
}

function compare(one: Checkpoint, other: Checkpoint): number {
  const [a, b] = [one.state.position, other.state.position];
  return a.epoch - b.epoch || a.step - b.step;
}
