import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { reportSchema } from '../bench/edge/report.ts';

const script = join(import.meta.dirname, '../bench/edge.ts');

it.runIf(inject('whole'))(
  'checks that all contestants agree, and measures each of them',
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      script,
      '--quick',
      '--every-image',
      '--soak',
      '5000',
      '--json',
      '--python',
      'no-such-python',
    ]);
    const { forward, coldStart, http, largestLogitDifference, everyImage, soak } =
      reportSchema.parse(JSON.parse(stdout));
    const workers = ['tfjs cpu, stock', 'Catwalk', 'tfjs wasm, stock', 'onnxruntime-web, 1 thread'];
    expect(Object.keys(largestLogitDifference)).toEqual(workers);
    expect(everyImage).toMatchObject({ images: 250, otherLabels: 0 });
    expect(soak?.at(-1)?.predictions).toBeGreaterThanOrEqual(5000);
    for (const batch of [1, 16]) {
      const rows = forward.filter((row) => row.batch === batch);
      expect(rows.map(({ name }) => name)).toEqual(workers);
      expect(rows.every(({ p50Ms }) => p50Ms > 0)).toBe(true);
    }
    expect(coldStart.map(({ name }) => name)).toContain('Catwalk');
    expect(http.map(({ route }) => route)).toEqual([
      'GET constant',
      'GET /predict, logits kept',
      'GET /predict, network run',
      'POST constant',
      'POST /predict',
    ]);
  },
);

it('refuses an invalid option with exit code 2', async () => {
  const run = promisify(execFile)(process.execPath, [script, '--rounds', 'many']);
  await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('rounds') });
});
