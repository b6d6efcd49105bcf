/** The parts of TensorFlow.js that the Worker does not need, by file. */

/**
 * Modules of TensorFlow.js for training or for browsers. Loading a model from memory and running it does not need them.
 * Calling one of them throws an error that says so.
 */
export const omitted = [
  'tfjs-core/dist/backends/non_max_suppression_impl.js',
  'tfjs-core/dist/io/browser_files.js',
  'tfjs-core/dist/io/http.js',
  'tfjs-core/dist/io/indexed_db.js',
  'tfjs-core/dist/io/io_utils.js',
  'tfjs-core/dist/io/local_storage.js',
  'tfjs-core/dist/io/model_management.js',
  'tfjs-core/dist/io/weights_loader.js',
  'tfjs-core/dist/ops/avg_pool_3d.js',
  'tfjs-core/dist/ops/conv2d_backprop_filter.js',
  'tfjs-core/dist/ops/conv3d.js',
  'tfjs-core/dist/ops/conv3d_transpose.js',
  'tfjs-core/dist/ops/depthwise_conv2d_native_backprop_filter.js',
  'tfjs-core/dist/ops/depthwise_conv2d_native_backprop_input.js',
  'tfjs-core/dist/ops/dropout.js',
  'tfjs-core/dist/ops/eye.js',
  'tfjs-core/dist/ops/image/crop_and_resize.js',
  'tfjs-core/dist/ops/image/flip_left_right.js',
  'tfjs-core/dist/ops/image/grayscale_to_rgb.js',
  'tfjs-core/dist/ops/image/non_max_suppression.js',
  'tfjs-core/dist/ops/image/non_max_suppression_async.js',
  'tfjs-core/dist/ops/image/non_max_suppression_padded.js',
  'tfjs-core/dist/ops/image/non_max_suppression_padded_async.js',
  'tfjs-core/dist/ops/image/non_max_suppression_with_score.js',
  'tfjs-core/dist/ops/image/non_max_suppression_with_score_async.js',
  'tfjs-core/dist/ops/image/rgb_to_grayscale.js',
  'tfjs-core/dist/ops/image/rotate_with_offset.js',
  'tfjs-core/dist/ops/image/threshold.js',
  'tfjs-core/dist/ops/image/transform.js',
  'tfjs-core/dist/ops/linalg/band_part.js',
  'tfjs-core/dist/ops/linalg/gram_schmidt.js',
  'tfjs-core/dist/ops/linalg/qr.js',
  'tfjs-core/dist/ops/max_pool_3d.js',
  'tfjs-core/dist/ops/rand_util.js',
  'tfjs-core/dist/ops/random_normal.js',
  'tfjs-core/dist/ops/random_uniform.js',
  'tfjs-core/dist/ops/truncated_normal.js',
  'tfjs-core/dist/optimizers/optimizer_constructors.js',
  'tfjs-core/dist/tape.js',
  'tfjs-core/dist/tensor_format.js',
  'tfjs-layers/dist/base_callbacks.js',
  'tfjs-layers/dist/engine/training_dataset.js',
  'tfjs-layers/dist/engine/training_tensors.js',
  'tfjs-layers/dist/engine/training_utils.js',
  'tfjs-layers/dist/losses.js',
  'tfjs-layers/dist/metrics.js',
  'tfjs-layers/dist/optimizers.js',
  'tfjs-layers/dist/user_defined_metadata.js',
  'tfjs-layers/dist/utils/layer_utils.js',
];

/** Methods for training, in modules that also have others. Their bodies are replaced by an error. */
export const omittedMethods: Record<string, string[]> = {
  'tfjs-core/dist/engine.js': [
    'addTapeNode',
    'checkKernelForMemLeak',
    'disposeVariables',
    'findBackend',
    'getTensorsForGradient',
    'gradients',
    'moveData',
    'ready',
    'removeBackend',
    'reset',
    'time',
  ],
  'tfjs-core/dist/platforms/platform_browser.js': ['encode', 'decode', 'fetch', 'setTimeoutCustom'],
  'tfjs-core/dist/platforms/platform_node.js': ['encode', 'decode', 'fetch'],
  'tfjs-core/dist/profiler.js': ['logKernelProfile'],
  'tfjs-core/dist/tensor.js': [
    'array',
    'arraySync',
    'buffer',
    'bufferSync',
    'bytes',
    'data',
    'dataToGPU',
    'print',
    'toString',
  ],
  'tfjs-layers/dist/engine/container.js': [
    'buildNodeConversionMap',
    'calculateLosses',
    'findLayer',
    'getConfig',
    'getLayer',
    'toJSON',
    'updatedConfig',
  ],
  'tfjs-layers/dist/engine/topology.js': ['addLoss', 'calculateLosses', 'countParams'],
  'tfjs-layers/dist/models.js': [
    'compile',
    'evaluate',
    'evaluateDataset',
    'fit',
    'fitDataset',
    'getConfig',
    'pop',
    'predict',
    'predictOnBatch',
    'summary',
    'trainOnBatch',
  ],
  'tfjs-layers/dist/engine/training.js': [
    'checkNumSamples',
    'compile',
    'evaluate',
    'evaluateDataset',
    'execute',
    'fit',
    'fitDataset',
    'fitLoop',
    'checkTrainableWeightsConsistency',
    'getDedupedMetricsNames',
    'getLossIdentifiers',
    'getMetricIdentifiers',
    'getNamedWeights',
    'getTrainingConfig',
    'getUserDefinedMetadata',
    'loadTrainingConfig',
    'makeTestFunction',
    'makeTrainFunction',
    'predict',
    'predictLoop',
    'predictOnBatch',
    'retrieveSymbolicTensors',
    'save',
    'standardizeUserData',
    'standardizeUserDataXY',
    'summary',
    'testLoop',
    'trainOnBatch',
  ],
};

/**
 * Modules whose content only training needs, but which every layer calls. No constraint or regularizer changes a prediction, and
 * edge/model/weights.ts gives every weight an initializer of its own.
 */
export const replaced: Record<string, string> = {
  'tfjs-layers/dist/constraints.js':
    'export const getConstraint = () => null; export const serializeConstraint = () => null;',
  'tfjs-layers/dist/initializers.js': `
import { serialization } from '@tensorflow/tfjs-core';
import { deserializeKerasObject } from './utils/generic_utils';
export class Initializer extends serialization.Serializable {
  fromConfigUsesCustomObjects() { return false; }
  getConfig() { return {}; }
}
export const serializeInitializer = () => null;
export function getInitializer(identifier) {
  if (typeof identifier === 'string') return new Initializer();
  if (identifier instanceof Initializer) return identifier;
  return deserializeKerasObject(identifier, serialization.SerializationMap.getMap().classNameMap, {}, 'initializer');
}`,
  'tfjs-layers/dist/regularizers.js':
    'export const getRegularizer = () => null; export const serializeRegularizer = () => null;',
};

/** Layers that the Worker does not support. A model that has one is refused as having an unknown layer. */
export const omittedClasses: Record<string, string[]> = {
  'tfjs-layers/dist/layers/convolutional.js': ['Conv3D', 'Conv3DTranspose'],
  'tfjs-layers/dist/layers/pooling.js': ['AveragePooling3D', 'MaxPooling3D', 'Pooling3D'],
};
