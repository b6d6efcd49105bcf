/** `npm run bench:edge`: the Worker's speed inside workerd, side by side with its peers. `-- --help` has the options. */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBenchOptions } from './edge/options.ts';
import { reportText } from './edge/report-text.ts';

const options = parseBenchOptions(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'catwalk-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

// TensorFlow.js and wrangler take seconds to load; --help does not need them.
const { runBenchmark } = await import('./edge/run-benchmark.ts');
const report = await runBenchmark(options, folder, (line) => process.stderr.write(`${line}\n`));
process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
