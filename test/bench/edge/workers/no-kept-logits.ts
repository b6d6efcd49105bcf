/** The Worker as edge/index.ts makes it, but that it runs the network for every test image asked for, each time. */
import { env } from 'cloudflare:workers';
import { createApp } from '../../../../edge/app.ts';
import { parseConfiguration } from '../../../../edge/configuration.ts';
import { r2ObjectStore } from '../../../../edge/store/r2-object-store.ts';

export default createApp({
  store: r2ObjectStore(env.BUCKET),
  configuration: parseConfiguration(env),
  maxCachedLogits: 0,
});
