/** `npm run build`: everything that is made from source before the trainer or the Worker runs. */
import { buildClient } from './build-client.ts';
import { buildDocs } from './build-docs.ts';
import { buildKernels } from './build-kernels.ts';
import { buildPage } from './build-page.ts';
import { buildProblems } from './build-problems.ts';
import { buildTensorflow } from './build-tensorflow.ts';

await Promise.all([
  buildKernels(),
  buildPage(),
  buildProblems(),
  buildTensorflow(),
  buildDocs(),
  buildClient(),
]);
