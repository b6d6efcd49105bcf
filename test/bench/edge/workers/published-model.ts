import { env } from 'cloudflare:workers';
import type { io } from '@tensorflow/tfjs-core';
import * as z from 'zod/mini';
import { fashionMnistCnn } from '../../../../shared/model/model-spec.ts';
import { bucketLayout } from '../../../../shared/registry/bucket-layout.ts';
import { aliasSchema } from '../../../../shared/registry/manifest.ts';

const layout = bucketLayout();

const modelJsonSchema = z.object({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.tuple([
    z.object({
      weights: z.array(
        z.strictObject({ name: z.string(), shape: z.array(z.int()), dtype: z.literal('float32') }),
      ),
    }),
  ]),
});

/** @returns the version that production names, as `tf.io.fromMemory` accepts it */
export async function publishedModel(): Promise<io.ModelArtifacts> {
  const { version } = aliasSchema.parse(
    await (await readObject(layout.alias(fashionMnistCnn.name, 'production'))).json(),
  );
  const fileOf = (file: string) =>
    readObject(layout.versionFile(fashionMnistCnn.name, version, file));
  const { modelTopology, weightsManifest } = modelJsonSchema.parse(
    await (await fileOf('model.json')).json(),
  );
  return {
    modelTopology,
    weightSpecs: weightsManifest[0].weights,
    weightData: await (await fileOf('weights.bin')).arrayBuffer(),
  };
}

/** @throws {Error} if the bucket has no such object */
export async function readObject(key: string): Promise<R2ObjectBody> {
  const object = await env.BUCKET.get(key);
  if (!object) throw new Error(`The bucket has no ${key}.`);
  return object;
}
