/** `npm run bench:edge`: the Worker's speed inside workerd, side by side with its peers. `-- --help` has the options. */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { networkReportText, saveNetworkReport } from './edge/networks/network-report.ts';
import { parseBenchOptions } from './edge/options.ts';
import { reportText } from './edge/report-text.ts';

const options = parseBenchOptions(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'catwalk-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

const progress = (line: string) => void process.stderr.write(`${line}\n`);
const print = <Report>(report: Report, toText: (report: Report) => string) =>
  void process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : toText(report));

// TensorFlow.js and wrangler take seconds to load; --help does not need them.
if (options.start) {
  const { runStartBenchmark, startReportText } = await import('./edge/run-start.ts');
  print(await runStartBenchmark(options, folder, progress), startReportText);
} else if (options.network === 'tutorial') {
  const { runBenchmark } = await import('./edge/run-benchmark.ts');
  print(await runBenchmark(options, folder, progress), reportText);
} else {
  const { runNetworkBenchmark } = await import('./edge/networks/run-network-benchmark.ts');
  const report = await runNetworkBenchmark(options, folder, progress);
  print(report, networkReportText);
  if (options.save) await saveNetworkReport(report);
}
