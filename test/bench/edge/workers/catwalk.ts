/** Catwalk's own prediction path: the alias follower and the loader that edge/index.ts serves with. */
import { env } from 'cloudflare:workers';
import { parseConfiguration } from '../../../../edge/configuration.ts';
import { followAlias } from '../../../../edge/model/alias-follower.ts';
import { loadVersion } from '../../../../edge/model/load-version.ts';
import { r2ObjectStore } from '../../../../edge/store/r2-object-store.ts';
import { bucketLayout } from '../../../../shared/bucket-layout.ts';
import { forwardWorker } from './forward-worker.ts';

export default forwardWorker(async (context) => {
  const { modelName, alias, bucketPrefix, publicKeys, pollMilliseconds } = parseConfiguration(env);
  const follower = followAlias({
    store: r2ObjectStore(env.BUCKET),
    layout: bucketLayout(bucketPrefix),
    name: modelName,
    publicKeys,
    alias,
    pollMilliseconds,
    openLoader: async () => loadVersion,
    now: Date.now,
  });
  const model = await follower.withModel(context, (served) => served.model);
  return (input, count) => model.predict(input, count);
});
