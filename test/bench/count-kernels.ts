/**
 * Counts the kernels of one training step of a backend, and the tensors that it does not dispose of. Prints JSON. A separate process, because
 * a loaded backend can't be unloaded.
 *
 *     node test/bench/count-kernels.ts wasm|tensorflow
 */
import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../shared/model/build-model.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import type { BackendName } from '../../trainer/backend/backend.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { crossEntropy, forward } from '../../trainer/train/forward.ts';

interface Binding {
  executeOp(...args: unknown[]): unknown;
}

const backend = process.argv[2] as BackendName;
const batchSize = 64;

await openBackend(backend);
const variables = buildModel(fashionMnistCnn, 1).trainableWeights.map(
  (weight) => weight.read() as unknown as tf.Variable,
);
step();
const tensorsBefore = tf.memory().numTensors;
const count = backend === 'tensorflow' ? countOperations() : countKernels();
step();
const kernels = count();
const leakedTensors = tf.memory().numTensors - tensorsBefore;
process.stdout.write(`${JSON.stringify({ kernels, leakedTensors })}\n`);

function step(): void {
  tf.tidy(() => {
    const images = tf.zeros([batchSize, ...fashionMnistCnn.inputShape]);
    const labels = tf.zeros([batchSize], 'int32') as tf.Tensor1D;
    const { grads } = tf.variableGrads(
      () => crossEntropy(forward(fashionMnistCnn, variables, images, 'mask'), labels, batchSize),
      variables,
    );
    for (const { name } of variables) grads[name]?.dataSync();
  });
}

/** The operations that TensorFlow itself runs, by its own names. */
function countOperations(): () => number {
  const { binding } = tf.backend() as unknown as { binding: Binding };
  let operations = 0;
  const counted = (...args: unknown[]) => {
    operations++;
    return binding.executeOp(...args);
  };
  // Its own properties can't be replaced.
  const counting = Object.create(binding, { executeOp: { value: counted } });
  Object.assign(tf.backend(), { binding: counting });
  return () => operations;
}

function countKernels(): () => number {
  let kernels = 0;
  for (const config of tf.getKernelsForBackend(backend)) {
    tf.unregisterKernel(config.kernelName, backend);
    tf.registerKernel({
      ...config,
      setupFunc: () => {}, // It is set up already.
      kernelFunc: (params) => {
        kernels++;
        return config.kernelFunc(params);
      },
    });
  }
  return () => kernels;
}
