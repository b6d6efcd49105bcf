/** `catwalk/worker`: Catwalk's routes, for a Worker of your own. examples/mount-in-your-app mounts them in a Hono app. */
import type { Hono } from 'hono';
import { createApp } from './app.ts';
import type { OptionalBindings } from './app-context.ts';
import { parseConfiguration } from './configuration.ts';
import { assetsObjectStore } from './store/assets-object-store.ts';
import { r2ObjectStore } from './store/r2-object-store.ts';
import { s3ObjectStore } from './store/s3-object-store.ts';

/** The bindings of a Worker. Its variables, such as `MODEL_NAME`, are read from the same object. */
export interface CatwalkBindings extends OptionalBindings {
  /** The bucket with the models. Not needed if the variable `S3_BUCKET` names one. */
  BUCKET?: R2Bucket;
}

/** A Hono app, with the handler of a Cron Trigger that checks the aliases. */
export type CatwalkApp = Hono & Required<Pick<ExportedHandler, 'scheduled'>>;

/**
 * Creates the app with all routes of the Worker. It holds models and test images in memory: create one per isolate.
 *
 * @param env the Worker's variables and bindings, such as `env` of `cloudflare:workers`
 * @throws {Error} if a variable is invalid, or there is no bucket
 *
 * @example
 * const app = new Hono();
 * app.mount('/vision', catwalk(env).fetch);
 */
export function catwalk(env: CatwalkBindings): CatwalkApp {
  const configuration = parseConfiguration(env);
  const snapshot = configuration.snapshot && env.ASSETS ? assetsObjectStore(env.ASSETS) : null;
  const store = openStore(env, configuration);
  return createApp({ store, snapshot, configuration, bindings: env });
}

function openStore({ BUCKET }: CatwalkBindings, { s3 }: ReturnType<typeof parseConfiguration>) {
  if (s3) return s3ObjectStore(s3);
  if (BUCKET) return r2ObjectStore(BUCKET);
  throw new Error(
    'Catwalk has no bucket: bind an R2 bucket as BUCKET, or set S3_BUCKET and the AWS_ variables.',
  );
}
