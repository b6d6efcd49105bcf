import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';

/** https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile, times in microseconds */
const profileSchema = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: z.object({ functionName: z.string() }) })),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

const repository = join(import.meta.dirname, '../../..');

/**
 * Profiles the start-up of the Worker's script, built with wrangler.jsonc, with `wrangler check startup`.
 *
 * @returns milliseconds of CPU, or null if the script cannot be profiled
 */
export async function measureStartUp(folder: string): Promise<number | null> {
  const manifest = createRequire(import.meta.url).resolve('wrangler/package.json');
  const outfile = join(folder, 'startup.cpuprofile');
  try {
    await promisify(execFile)(
      process.execPath,
      [join(dirname(manifest), 'bin/wrangler.js'), 'check', 'startup', '--outfile', outfile],
      { cwd: repository, env: { ...process.env, CI: 'true', WRANGLER_SEND_METRICS: 'false' } },
    );
  } catch (error) {
    process.stderr.write(`Start-up CPU is left out: ${(error as Error).message}\n`);
    return null;
  }
  const profile = profileSchema.parse(JSON.parse(await readFile(outfile, 'utf8')));
  const idle = new Set(
    profile.nodes
      .filter(({ callFrame }) => callFrame.functionName === '(idle)')
      .map(({ id }) => id),
  );
  const busy = profile.samples.map((node, i) =>
    idle.has(node) ? 0 : (profile.timeDeltas[i] ?? 0),
  );
  return busy.reduce((sum, microseconds) => sum + microseconds, 0) / 1000;
}
