import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import * as z from 'zod';
import { type LocalWorker, startLocalWorker } from '../../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { aliasSchema, type Manifest, manifestSchema } from '../../../shared/registry/manifest.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { defaultNames } from '../../../trainer/evaluate/export-run.ts';
import { openBucket } from '../../../trainer/registry/bucket.ts';
import { uploadTestSet } from '../../../trainer/registry/test-set.ts';
import { writeOnnx } from '../../../trainer/weights/onnx.ts';
import { readModelWeights } from '../../../trainer/weights/read-model-weights.ts';
import { type ChannelsFirstLayer, channelsFirst } from './channels-first.ts';

export interface PublishedBucket {
  /** The folder of the local bucket, which no process has open any more. */
  persistTo: string;
  /** The version that the alias `production` names. */
  manifest: Manifest;
  /** The same weights for contestants with channels first. */
  layers: ChannelsFirstLayer[];
  /** Grey pixels of the test images, 784 bytes each. */
  testImages: Uint8Array;
}

/** Publishes a model to the bucket of a local Worker, as `production`. */
export type Publish = (worker: LocalWorker) => Promise<void>;

const modelJsonSchema = z.object({
  weightsManifest: z.tuple([
    z.object({
      weights: z.array(
        z.strictObject({ name: z.string(), shape: z.array(z.int()), dtype: z.literal('float32') }),
      ),
    }),
  ]),
});

/**
 * Makes a local bucket with a published model, the test set, and the same model as ONNX.
 *
 * @param folder the folder of the bucket
 */
export async function createPublishedBucket(
  folder: string,
  publish: Publish,
): Promise<PublishedBucket> {
  const persistTo = join(folder, 'bucket');
  const worker = await startLocalWorker({
    port: 0,
    persistTo,
    logFile: join(folder, 'bucket.log'),
  });
  try {
    const bucket = openBucket({ url: 's3://catwalk', environment: worker.env });
    const { test, ...dataset } = await loadDataset();
    await uploadTestSet(bucket, { test, ...dataset });
    await publish(worker);

    const read = async (key: string) => {
      const object = await bucket.get(key);
      if (object) return object.bytes;
      throw new Error(`${key} is not in the bucket.`);
    };
    const readJson = async (key: string): Promise<unknown> =>
      JSON.parse(new TextDecoder().decode(await read(key)));
    const { name } = fashionMnistCnn;
    const { layout } = bucket;
    const { version } = aliasSchema.parse(await readJson(layout.alias(name, 'production')));
    const manifest = manifestSchema.parse(await readJson(layout.manifest(name, version)));
    const topology = await read(layout.versionFile(name, version, 'model.json'));
    const { weightsManifest } = modelJsonSchema.parse(
      JSON.parse(new TextDecoder().decode(topology)),
    );
    const weightSpecs: io.WeightsManifestEntry[] = weightsManifest[0].weights;
    const weights = await read(layout.versionFile(name, version, 'weights.bin'));
    const layers = channelsFirst(manifest.model, weightSpecs, weights);
    await openBackend('cpu');
    const files = { 'model.json': topology, 'weights.bin': weights };
    const tensors = await readModelWeights(manifest.model, files);
    const onnx = writeOnnx(tensors, manifest.model, defaultNames(manifest.model));
    await bucket.put('bench/model.onnx', onnx, { contentType: 'application/octet-stream' });
    return { persistTo, manifest, layers, testImages: test.images };
  } finally {
    await worker.stop();
  }
}
