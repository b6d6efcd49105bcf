import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { aliasSchema, manifestSchema } from '../../../shared/registry/manifest.ts';
import { openBucket } from '../../../trainer/registry/bucket.ts';
import { moveAlias } from '../../../trainer/registry/move-alias.ts';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { trainedModel } from '../../support/models/trained-model.ts';
import type { Publish } from './published-bucket.ts';

const repository = join(import.meta.dirname, '../../..');
const { name } = fashionMnistCnn;
const parseJson = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

/** The ways to get a model to measure. */
export const publishModel = {
  /** Trains one epoch on a part of the images, which takes about 20 seconds. */
  trained:
    (folder: string): Publish =>
    async ({ env }) => {
      const child = spawn(
        process.execPath,
        [
          join(repository, 'trainer/cli.ts'),
          'train',
          '--runs',
          join(folder, 'runs'),
          '--publish',
          's3://catwalk',
          '--limit',
          '12800',
          '--epochs',
          '1',
        ],
        // Its output is progress, so it goes to stderr.
        { env: { ...process.env, ...env }, stdio: ['ignore', 2, 2] },
      );
      const [code] = await once(child, 'exit');
      if (code !== 0) throw new Error(`Training a model to measure with ended with code ${code}.`);
    },

  /** Copies the version that a running local Worker serves, byte for byte. */
  servedAt:
    (url: string): Publish =>
    async ({ env }) => {
      const endpoint = `${url.replace(/\/+$/, '')}/cdn-cgi/local/r2/s3`;
      const source = openBucket({
        url: 's3://catwalk',
        environment: { ...env, AWS_ENDPOINT_URL: endpoint, AWS_ENDPOINT_URL_S3: endpoint },
      });
      const target = openBucket({ url: 's3://catwalk', environment: env });
      const copy = async (key: string) => {
        const object = await source.get(key);
        if (!object) throw new Error(`The bucket of ${url} has no ${key}.`);
        await target.put(key, object.bytes, { contentType: 'application/octet-stream' });
        return object.bytes;
      };
      const { layout } = source;
      const { version } = aliasSchema.parse(
        parseJson(await copy(layout.alias(name, 'production'))),
      );
      const manifest = manifestSchema.parse(parseJson(await copy(layout.manifest(name, version))));
      for (const { path } of manifest.files) {
        await copy(layout.versionFile(name, version, path));
      }
    },

  /** Untrained weights: enough to test the benchmark. */
  untrained: (): Publish => async (worker) => {
    const bucket = openBucket({ url: 's3://catwalk', environment: worker.env });
    const { version } = await publishVersion(bucket, await trainedModel(1, 0.1));
    const by = 'bench:edge';
    await moveAlias(bucket, { name, alias: 'production', version, action: 'publish', by });
  },
};
