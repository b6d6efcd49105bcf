import { env } from 'cloudflare:workers';
import { createApp } from './app.ts';
import { parseConfiguration } from './configuration.ts';
import { r2ObjectStore } from './store/r2-object-store.ts';
import { s3ObjectStore } from './store/s3-object-store.ts';

const configuration = parseConfiguration(env);

export default createApp({
  store: configuration.s3 ? s3ObjectStore(configuration.s3) : r2ObjectStore(env.BUCKET),
  configuration,
  bindings: env,
});
