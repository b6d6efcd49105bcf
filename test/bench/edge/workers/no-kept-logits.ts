/** The Worker of edge/index.ts without a cache of logits: it runs the network for every request of a test image. */
import { env } from 'cloudflare:workers';
import { createApp } from '../../../../edge/app.ts';
import { parseConfiguration } from '../../../../edge/configuration.ts';
import { r2ObjectStore } from '../../../../edge/store/r2-object-store.ts';

export default createApp({
  store: r2ObjectStore(env.BUCKET),
  configuration: parseConfiguration(env),
  maxCachedLogits: 0,
});
