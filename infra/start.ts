/** `npm start [-- options]`: trains, publishes and serves a model on this machine. `npm start -- --help` lists the options. */
import { constants } from 'node:os';
import { explainFailure } from '../node/exit-code.ts';
import { parseStartOptions } from './local/options.ts';
import { serveLocally } from './local/serve.ts';

const ending = new AbortController();
let endedBy: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second signal exits at once. Exit handlers kill the processes that still run.
    if (endedBy) process.exit(128 + constants.signals[signal]);
    endedBy = signal;
    ending.abort();
  });
}

try {
  const options = parseStartOptions(process.argv.slice(2));
  process.exitCode = await serveLocally({ ...options, signal: ending.signal, print: console.log });
} catch (error) {
  if (!endedBy) process.exitCode = explainFailure(error);
}
if (endedBy) process.exitCode = 128 + constants.signals[endedBy];
