import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { startLocalWorker } from '../../../../infra/local/worker.ts';
import { modelSpecSchema } from '../../../../shared/model/model-spec.ts';
import type { WeightType } from '../../../../shared/registry/manifest.ts';
import { type Bucket, openBucket } from '../../../../trainer/registry/bucket.ts';
import { moveAlias } from '../../../../trainer/registry/move-alias.ts';
import { modelFiles, publishVersion } from '../../../../trainer/registry/publish-version.ts';
import { storeAs } from '../../../../trainer/weights/stored-weights.ts';
import { trainedModel } from '../../../support/models/trained-model.ts';
import type { FoldedNetwork } from './folded-network.ts';
import { foldedOnnx } from './folded-onnx.ts';

/** Images that the contestants run in turn. */
const images = 8;
/** The published model's name. */
export const modelName = 'bench-network';

/**
 * Writes a local bucket that has the network in the form of every contestant, and as a published version.
 *
 * @param folder gets the bucket, and the files that PyTorch reads in `network`
 * @param dtype in which the published version stores its weights
 * @returns the folder of the bucket
 */
export async function writeBucket(
  folder: string,
  model: LayersModel,
  { network, weights }: { network: FoldedNetwork; weights: Float32Array },
  dtype: WeightType,
): Promise<string> {
  const artifacts = await artifactsOf(model);
  const files = contestantFiles(artifacts, network, weights);
  const own = join(folder, 'network');
  await mkdir(own);
  const persistTo = join(folder, 'bucket');
  const logFile = join(folder, 'bucket.log');
  const worker = await startLocalWorker({ port: 0, persistTo, logFile });
  try {
    const bucket = openBucket({ url: 's3://catwalk', environment: worker.env });
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(own, name), bytes);
      await bucket.put(`bench/${name}`, bytes, { contentType: 'application/octet-stream' });
    }
    await publish(bucket, network, storeAs(dtype, artifacts));
  } finally {
    await worker.stop();
  }
  return persistTo;
}

function contestantFiles(
  { modelTopology, weightSpecs, weightData }: tf.io.ModelArtifacts,
  network: FoldedNetwork,
  weights: Float32Array,
) {
  const length = network.inputShape.reduce((product, size) => product * size, images);
  const pixels = tf.randomUniform([length], -1, 1, 'float32', 1).dataSync<'float32'>();
  return {
    'network.json': Buffer.from(JSON.stringify(network)),
    'weights.bin': bytesOf(weights),
    'images.bin': bytesOf(pixels),
    'model.json': Buffer.from(JSON.stringify({ modelTopology, weightSpecs })),
    'model.bin': new Uint8Array(weightData as ArrayBuffer),
    'model.onnx': foldedOnnx(network, weights),
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

async function artifactsOf(model: LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts = {};
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const weightData = new tf.io.CompositeArrayBuffer(artifacts.weightData).slice();
  return { ...artifacts, weightData };
}

async function publish(
  bucket: Bucket,
  { inputShape, outputs }: FoldedNetwork,
  artifacts: tf.io.ModelArtifacts,
): Promise<void> {
  const spec = modelSpecSchema.parse({
    name: modelName,
    inputShape,
    // The Worker builds a network from its topology, not from this list.
    layers: [{ type: 'flatten' }],
    labels: Array.from({ length: outputs }, (_, label) => `label ${label}`),
    preprocessing: { mean: 0.5, std: 0.5, fit: 'cover', background: { kind: 'keep' } },
  });
  const files = modelFiles(artifacts);
  const { version } = await publishVersion(bucket, {
    ...(await trainedModel(1, 0.1)),
    spec,
    files,
  });
  const by = 'bench:edge';
  await moveAlias(bucket, { name: modelName, alias: 'production', version, action: 'publish', by });
}
