import { setTimeout as wait } from 'node:timers/promises';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import type { Bucket } from '../../trainer/registry/bucket.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';

export interface AliasMover {
  /** How often the alias has been moved. */
  moves(): number;
  /**
   * @param from milliseconds of `performance.now`: when a request was sent
   * @param to when its answer had come
   * @returns for how many milliseconds the alias had named another version at `from`, 0 if it named this one in between; `null` if it
   * never named it until `to`
   */
  behind(version: string, from: number, to: number): number | null;
  /** Stops moving the alias; rejects if a move failed. */
  stop(): Promise<void>;
}

interface Naming {
  version: string;
  /** When the move began. */
  from: number;
  /** When the next move was done. */
  to: number;
}

/** Moves an alias from version to version, in turn, past the proxy. */
export async function startAliasMover(
  bucket: Bucket,
  versions: string[],
  everyMilliseconds: number,
): Promise<AliasMover> {
  const namings: Naming[] = [];
  const ending = new AbortController();

  async function move(): Promise<void> {
    const before = namings.at(-1);
    const version = versions[namings.length % versions.length] as string;
    // From now on, because a Worker may read it before this publisher gets the answer to its write.
    namings.push({ version, from: performance.now(), to: Number.POSITIVE_INFINITY });
    const { outcome } = await moveAlias(bucket, {
      name: fashionMnistCnn.name,
      alias: 'production',
      version,
      action: 'promote',
      by: 'the test',
    });
    if (outcome !== 'moved') throw new Error(`The alias was not moved to ${version}: ${outcome}.`);
    if (before) before.to = performance.now();
  }

  async function keepMoving(): Promise<void> {
    for (let next = performance.now() + everyMilliseconds; ; next += everyMilliseconds) {
      try {
        await wait(Math.max(0, next - performance.now()), undefined, { signal: ending.signal });
      } catch {
        return;
      }
      await move();
    }
  }

  await move();
  const moving = keepMoving();
  // `stop` rejects with it.
  moving.catch(() => {});
  return {
    moves: () => namings.length - 1,
    behind(version, from, to) {
      const named = namings.filter((each) => each.version === version && each.from <= to);
      const last = named.at(-1);
      return last ? Math.max(0, from - last.to) : null;
    },
    async stop() {
      ending.abort();
      await moving;
    },
  };
}
