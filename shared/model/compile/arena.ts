/** An address range that is in use until `lastUse`. */
interface Block {
  start: number;
  end: number;
  lastUse: number;
}

export interface Arena {
  /** @returns the offset of a block that no other has from now until `lastUse` */
  place(bytes: number, lastUse: number, now: number): number;
  /** @returns the bytes of all blocks together */
  size(): number;
}

/** Vector loads may read, and results of 32 columns be written, past a block's end. */
const slackBytes = 128;

/** Places blocks in the lowest gap that is free when they are first written. */
export function createArena(): Arena {
  let blocks: Block[] = [];
  let size = 0;
  return {
    place(bytes, lastUse, now) {
      blocks = blocks.filter((block) => block.lastUse >= now);
      const needed = (bytes + slackBytes + 63) & ~63;
      let start = 0;
      for (const block of blocks) {
        if (start + needed <= block.start) break;
        start = Math.max(start, block.end);
      }
      blocks.push({ start, end: start + needed, lastUse });
      blocks.sort((a, b) => a.start - b.start);
      size = Math.max(size, start + needed);
      return start;
    },
    size: () => size,
  };
}
