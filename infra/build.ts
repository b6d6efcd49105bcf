/** `npm run build` runs this first: generates everything that the trainer and the Worker need before they run. */
import { buildDocs, buildProblems } from './generate/documents.ts';
import { buildKernels } from './generate/kernels.ts';
import { buildPage } from './generate/page.ts';
import { buildTensorflow } from './generate/tensorflow.ts';
import { buildSnapshot } from './snapshot/folders.ts';

await Promise.all([
  buildKernels().then(buildPage),
  buildProblems(),
  buildTensorflow(),
  buildDocs(),
  buildSnapshot(),
]);
