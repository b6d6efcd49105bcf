import { readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = `${root}edge/tensorflow/build/`;

/**
 * Modules of TensorFlow.js for training or for browsers. Loading a model from memory and running it does not need them.
 * Calling one of them throws an error that says so.
 */
const omitted = [
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
const omittedMethods: Record<string, string[]> = {
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
const replaced: Record<string, string> = {
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
const omittedClasses: Record<string, string[]> = {
  'tfjs-layers/dist/layers/convolutional.js': ['Conv3D', 'Conv3DTranspose'],
  'tfjs-layers/dist/layers/pooling.js': ['AveragePooling3D', 'MaxPooling3D', 'Pooling3D'],
};

/** The namespaces of tfjs-core and their modules. */
const namespaces: Record<string, string> = {
  backend_util: 'backends/backend_util',
  broadcast_util: 'ops/broadcast_util',
  fused: 'ops/fused_ops',
  gather_util: 'ops/gather_nd_util',
  io: 'io/io',
  kernel_impls: 'backends/kernel_impls',
  scatter_util: 'ops/scatter_nd_util',
  serialization: 'serialization',
  slice_util: 'ops/slice_util',
  tensor_util: 'tensor_util',
  util: 'util',
};

/**
 * Bundles the parts of TensorFlow.js that the Worker uses (edge/tensorflow) into a few modules, for wrangler and the tests in
 * workerd. The result is more than 50 kB smaller, compressed, than wrangler's own bundle of the same imports.
 *
 * @throws {Error} if TensorFlow.js no longer has an omitted module
 */
export async function buildTensorflow(): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: ['edge/tensorflow/index.ts', 'edge/tensorflow/extra-kernels.ts'],
    outdir: target,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    mainFields: ['browser', 'module', 'main'],
    // TensorFlow.js looks for Node in it. workerd loads it when it is first read, which takes milliseconds.
    define: { process: 'undefined' },
    sourcemap: true,
    logLevel: 'warning',
    plugins: [omitUnused],
  });
}

const omitUnused: Plugin = {
  name: 'omit-unused',
  setup({ onEnd, onLoad, onResolve }) {
    const missing = new Set(omitted);
    onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({
      path: `${root}node_modules/@tensorflow/tfjs-core/dist/base.js`,
    }));
    onLoad({ filter: /@tensorflow\/tfjs-[a-z-]+\/dist\/.*\.js$/ }, async ({ path }) => {
      const replacement = Object.keys(replaced).find((name) => path.endsWith(name));
      if (replacement) return { contents: importNamespaces(replaced[replacement] ?? '') };
      const source = await readFile(path, 'utf8');
      const file = omitted.find((name) => path.endsWith(name));
      if (file === undefined) return { contents: shortened(path, source) };
      missing.delete(file);
      return { contents: withoutContent(source) };
    });
    onEnd(() => {
      if (missing.size > 0)
        throw new Error(
          `TensorFlow.js no longer has ${Array.from(missing).join(', ')}. Update \`omitted\`.`,
        );
    });
  },
};

const shortened = (path: string, source: string): string =>
  importNamespaces(
    withoutMessages(path, withoutGradients(withoutClasses(path, withoutMethods(path, source)))),
  );

/** Returns the module's exports as functions that throw. */
function withoutContent(source: string): string {
  const declared = source.matchAll(
    /^export (?:async )?(?:function\*?|class|const|let|var) (\w+)/gm,
  );
  const listed = source.matchAll(/^export \{([^}]*)\}/gm);
  const names = [
    ...Array.from(declared, ([, name]) => name),
    ...Array.from(listed, ([, list = '']) => list.split(',').map((name) => name.trim())).flat(),
  ];
  return [
    "const omitted = (name) => function () { throw new Error('The Worker does not include ' + name + ' of TensorFlow.js.'); };",
    ...names.map((name) => `export const ${name} = omitted('${name}');`),
  ].join('\n');
}

/**
 * Replaces the bodies of a module's omitted methods.
 *
 * @throws {Error} if the module has no such method
 */
function withoutMethods(path: string, source: string): string {
  const [, methods = []] =
    Object.entries(omittedMethods).find(([file]) => path.endsWith(file)) ?? [];
  return methods.reduce((rest, method) => {
    const pattern = new RegExp(
      `^( {4}(?:async )?${method}\\((?:[^\\n]|,\\n)*\\{)$.*?^ {4}\\}$`,
      'gms',
    );
    const shorter = rest.replaceAll(
      pattern,
      `$1 throw new Error('The Worker does not include ${method} of TensorFlow.js.'); }`,
    );
    if (shorter === rest)
      throw new Error(`${path} no longer has ${method}. Update \`omittedMethods\`.`);
    return shorter;
  }, source);
}

/**
 * Removes a module's omitted classes and the statements that register and export them.
 *
 * @throws {Error} if the module has no such class
 */
function withoutClasses(path: string, source: string): string {
  const [, classes = []] =
    Object.entries(omittedClasses).find(([file]) => path.endsWith(file)) ?? [];
  return classes.reduce((rest, name) => {
    const shorter = rest
      .replace(new RegExp(`^(?:export )?class ${name} .*?^\\}$`, 'ms'), '')
      .replaceAll(
        new RegExp(
          `^(?:${name}\\.className = .*|serialization\\.registerClass\\(${name}\\);|export \\{ ${name} \\};)$`,
          'gm',
        ),
        '',
      );
    if (shorter === rest)
      throw new Error(`${path} no longer has ${name}. Update \`omittedClasses\`.`);
    return shorter;
  }, source);
}

/** Empties the gradients that operations define for themselves, and with them what only gradients import. */
const withoutGradients = (source: string): string =>
  source.replaceAll(
    /^ {4}const grad = \([^\n]*=> \{$.*?^ {4}\};$/gms,
    '    const grad = () => {};',
  );

/**
 * Removes the messages of an operation's or a kernel's assertions. A model whose layers do not fit each other fails before, when
 * tfjs-layers builds it.
 */
function withoutMessages(path: string, source: string): string {
  if (!/tfjs-core\/dist\/ops\/|tfjs-backend-cpu\/dist\//.test(path)) return source;
  return source.replaceAll(
    /((?:util\.)?assert\([^;]*?), \(\) => (?:`[^`]*`|'[^']*')(?: \+\s*(?:`[^`]*`|'[^']*'|[^;`']+?))*\);/g,
    "$1, () => 'Operands do not fit');",
  );
}

/** Imports tfjs-core's namespaces from their own modules, so that esbuild can drop their unused functions. */
function importNamespaces(source: string): string {
  const used = new Set<string>();
  const contents = source
    .replaceAll(/^import \{([^}]*)\} from '@tensorflow\/tfjs-core';/gm, (_, list: string) => {
      const names = list.split(',').map((name) => name.trim());
      for (const name of names) if (name in namespaces) used.add(name);
      const others = names.filter((name) => !(name in namespaces));
      return others.length > 0
        ? `import { ${others.join(', ')} } from '@tensorflow/tfjs-core';`
        : '';
    })
    .replaceAll(/\b(?:tfc|tf)\.(\w+)\./g, (access, name: string) => {
      if (!(name in namespaces)) return access;
      used.add(name);
      return `${name}.`;
    });
  const imports = Array.from(
    used,
    (name) => `import * as ${name} from '@tensorflow/tfjs-core/dist/${namespaces[name]}';`,
  );
  return `${imports.join('')}${contents}`;
}
