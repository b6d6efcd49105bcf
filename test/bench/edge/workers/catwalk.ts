/** Catwalk's own prediction code: the models and the loader of edge/index.ts. */
import { env } from 'cloudflare:workers';
import { parseConfiguration } from '../../../../edge/configuration.ts';
import { loadVersion } from '../../../../edge/model/load-version.ts';
import { serveModels } from '../../../../edge/model/served-models.ts';
import { r2ObjectStore } from '../../../../edge/store/r2-object-store.ts';
import { bucketLayout } from '../../../../shared/registry/bucket-layout.ts';
import { forwardWorker } from './forward-worker.ts';

export default forwardWorker(async (context) => {
  const configuration = parseConfiguration(env);
  const { alias, canary, publicKeys, pollMilliseconds } = configuration;
  const models = serveModels({
    alias,
    canary,
    publicKeys,
    pollMilliseconds,
    store: r2ObjectStore(env.BUCKET),
    layout: bucketLayout(configuration.bucketPrefix),
    name: configuration.modelName,
    maxModelBytes: configuration.maxModelBytes,
    openLoader: async () => loadVersion,
    now: Date.now,
    random: Math.random,
  });
  const reference = await models.resolve({ choice: { alias } }, context);
  const model = await models.withModel(reference, (served) => served.model);
  return (input, count) => model.predict(input, count);
});
