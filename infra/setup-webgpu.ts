/** `npm run setup:webgpu`: installs Dawn, with which the trainer uses any GPU. */
import { Command } from 'commander';
import { explainFailure } from '../node/exit-code.ts';
import { setUpWebgpu } from './native/set-up-webgpu.ts';

const command = new Command('npm run setup:webgpu --')
  .description(
    'Installs WebGPU (Dawn) for the trainer into build/webgpu, for this platform only: 20 MB.',
  )
  .allowExcessArguments(false)
  .exitOverride();

try {
  command.parse();
  await setUpWebgpu({ print: console.log });
} catch (error) {
  process.exitCode = explainFailure(error);
}
