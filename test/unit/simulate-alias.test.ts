import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { AliasReport } from '../simulate/alias-report.ts';

const repository = join(import.meta.dirname, '../..');

it('a moved alias reaches every isolate within the promised time, as docs/09-deploy-and-operate.md has it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-simulation-'));
  try {
    const output = join(folder, 'alias.json');
    // It fails where an isolate is late.
    await promisify(execFile)(process.execPath, ['test/simulate/alias.ts', output], {
      cwd: repository,
    });
    const simulated = JSON.parse(await readFile(output, 'utf8'));
    const file = join(repository, 'docs/simulations/alias.json');
    expect(simulated).toEqual(JSON.parse(await readFile(file, 'utf8')));
    const page = await readFile(join(repository, 'docs/scale.md'), 'utf8');
    for (const report of simulated.reports as AliasReport[]) {
      const { median, p99, last } = report.firstNewAnswer;
      const seconds = [report.readsPerIsolatePerMinute, median, p99, last, report.lastOldAnswer];
      const cells = [report.requestsPerSecond, ...seconds.map((value) => value.toFixed(1))];
      expect(page).toContain(`| ${cells.join(' | ')} |`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
