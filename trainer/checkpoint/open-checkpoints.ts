import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
} from './checkpoint.ts';
import { type CheckpointStore, type Slot, slots } from './checkpoint-store.ts';

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
