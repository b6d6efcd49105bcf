import { expect } from 'vitest';
import type { Alias } from '../../shared/registry/manifest.ts';
import { readAlias } from '../../trainer/registry/aliases.ts';
import type { Bucket } from '../../trainer/registry/bucket.ts';
import { downloadVersion, listStored } from '../../trainer/registry/versions.ts';

const alias = 'production';

/** Checks a bucket after each run, bypassing the proxy. */
export function bucketChecker(bucket: Bucket, name: string) {
  const whole = new Set<string>();

  async function checkWhole(version: string): Promise<void> {
    if (whole.has(version)) return;
    // Throws if the version or a file is missing, or a SHA-256 differs.
    await downloadVersion(bucket, name, version);
    whole.add(version);
  }

  return {
    /**
     * The alias points to a complete, verified version; so is every version that is listed; and each move of the history
     * starts from the version that the previous one named.
     */
    async check(): Promise<Alias> {
      const found = await readAlias(bucket, name, alias);
      if (!found) throw new Error(`${bucket.url} has no alias.`);
      const { version, history } = found.value;
      await checkWhole(version);
      for (const stored of await listStored(bucket, name)) {
        if (stored.publishedAt) await checkWhole(stored.version);
      }
      expect(history.at(-1)?.version).toBe(version);
      for (const [index, move] of history.entries()) {
        const before = history[index - 1];
        if (!before) continue;
        expect(move.revision).toBe(before.revision + 1);
        expect(move.from).toBe(before.version);
      }
      return found.value;
    },
  };
}
