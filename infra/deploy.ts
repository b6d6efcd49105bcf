/** `npm run deploy [-- options]`: from nothing to a live Worker. `npm run deploy -- --help` has the options. */
import { explainFailure } from '../node/exit-code.ts';
import { parseDeployOptions } from './deploy/deploy-options.ts';
import { deployWorker } from './deploy/deploy-worker.ts';

try {
  const options = parseDeployOptions(process.argv.slice(2));
  await deployWorker(options, process.env, (line) => process.stdout.write(`${line}\n`));
} catch (error) {
  process.exitCode = explainFailure(error);
}
