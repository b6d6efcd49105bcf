import { env } from 'cloudflare:workers';
import { createApp } from './app.ts';
import { parseConfiguration } from './configuration.ts';
import { r2ObjectStore } from './store/r2-object-store.ts';

export default createApp({
  store: r2ObjectStore(env.BUCKET),
  configuration: parseConfiguration(env),
});
