import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../dataset/write-atomically.ts';
import type { Bucket } from '../publish/bucket.ts';

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
