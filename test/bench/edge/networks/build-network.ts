import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { BenchOptions } from '../options.ts';

/**
 * Builds the network to measure, on the cpu backend.
 *
 * @throws {Error} if a MobileNet is asked for, but no folder that has one
 */
export async function buildNetwork({
  network,
  mobilenet,
}: Pick<BenchOptions, 'network' | 'mobilenet'>) {
  await tf.setBackend('cpu');
  if (network === 'residual') return residualNetwork();
  if (mobilenet === undefined) {
    throw new Error(
      `The network ${network} needs weights. Name their folder: --mobilenet <folder>`,
    );
  }
  return loadMobilenet(mobilenet, network === 'mobilenet-160' ? 160 : 224);
}

async function loadMobilenet(folder: string, size: number): Promise<tfl.LayersModel> {
  const json = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
  const [input] = json.modelTopology.model_config.config.layers;
  input.config.batch_input_shape = [null, size, size, 3];
  const model = await tfl.models.modelFromJSON({ modelTopology: json.modelTopology });
  const groups: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[] = json.weightsManifest;
  const parts = groups.flatMap(({ paths }) => paths);
  const bytes = await Promise.all(parts.map((path) => readFile(join(folder, path))));
  const specs = groups.flatMap(({ weights }) => weights);
  model.loadWeights(tf.io.decodeWeights(new Uint8Array(Buffer.concat(bytes)).buffer, specs));
  return model;
}

const { layers } = tfl;

/** 24 M multiply-adds for 32x32 colours: convolutions of 16, 32, 64 and 128 channels, pooling between them and two residual pairs. */
function residualNetwork(): tfl.LayersModel {
  type Images = tfl.SymbolicTensor;
  const convolve = (x: Images, filters: number) => {
    const convolution = layers.conv2d({ filters, kernelSize: 3, padding: 'same', useBias: false });
    return layers.batchNormalization().apply(convolution.apply(x)) as Images;
  };
  const activate = (x: Images) => layers.reLU().apply(x) as Images;
  const pool = (x: Images) => layers.maxPooling2d({ poolSize: 2 }).apply(x) as Images;
  const residual = (x: Images, filters: number) => {
    const branch = convolve(activate(convolve(x, filters)), filters);
    return activate(layers.add().apply([x, branch]) as Images);
  };
  const input = tfl.input({ shape: [32, 32, 3] });
  let x = activate(convolve(input, 16));
  x = pool(activate(convolve(x, 32)));
  x = residual(pool(activate(convolve(x, 64))), 64);
  x = residual(pool(activate(convolve(x, 128))), 128);
  x = layers.dense({ units: 10 }).apply(layers.globalAveragePooling2d({}).apply(x)) as Images;
  const model = tfl.model({ inputs: input, outputs: x });
  // As after training: a network with the first statistics would not show that they are folded.
  model.setWeights(
    model.getWeights().map((weight, at) => {
      const isVariance = model.weights[at]?.originalName.endsWith('variance');
      const noise = tf.randomUniform(weight.shape, -0.1, 0.1, 'float32', at);
      return isVariance ? tf.add(1, noise) : tf.add(weight, noise);
    }),
  );
  return model;
}
