/** `npm start [-- options]`: the whole line on this machine. `npm start -- --help` has the options. */
import { constants } from 'node:os';
import { inspect } from 'node:util';
import { PortTakenError } from './claim-port.ts';
import { WorkerStartError } from './local-worker.ts';
import { serveLocally } from './serve-locally.ts';
import { parseStartOptions } from './start-options.ts';

const options = parseStartOptions(process.argv.slice(2));
const ending = new AbortController();
let endedBy: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Asked twice: now, by way of the exit handlers that kill what still runs.
    if (endedBy) process.exit(128 + constants.signals[signal]);
    endedBy = signal;
    ending.abort();
  });
}

try {
  process.exitCode = await serveLocally({ ...options, signal: ending.signal, print: console.log });
} catch (error) {
  const expected = error instanceof PortTakenError || error instanceof WorkerStartError;
  if (!endedBy) process.stderr.write(`${expected ? error.message : inspect(error)}\n`);
  process.exitCode = 1;
}
if (endedBy) process.exitCode = 128 + constants.signals[endedBy];
