/** S3 servers for tests, each with an empty bucket `catwalk`. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { type Log, Miniflare, NoOpLog } from 'miniflare';
import { startMoto } from './moto-server.ts';

export interface S3Server {
  name: string;
  /** The standard AWS variables that open it. */
  environment: Record<string, string>;
  endpoint: string;
  stop(): Promise<void>;
}

const credentials = { accessKeyId: 'catwalk-test', secretAccessKey: 'catwalk-test-secret' };

const environmentOf = (endpoint: string, region: string) => ({
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_SESSION_TOKEN: '',
  AWS_ENDPOINT_URL: endpoint,
  AWS_ENDPOINT_URL_S3: endpoint,
  AWS_REGION: region,
});

/** Starts R2's S3 API as `wrangler dev` does, in memory and without the Worker. */
export async function startLocalR2(): Promise<S3Server> {
  const bucket = {
    type: 'r2' as const,
    name: 'catwalk',
    dev: { experimentalS3Credentials: credentials },
  };
  const contents = `export default { fetch: () => new Response('No S3 here.', { status: 404 }) };`;
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    cf: false,
    log: new NoOpLog() as Log,
    telemetry: { enabled: false },
    workers: [
      {
        config: {
          name: 'bucket',
          compatibilityDate: '2026-01-01',
          manifest: { mainModule: 'index.js', modules: { 'index.js': { type: 'esm', contents } } },
          env: { BUCKET: bucket },
        },
      },
    ],
  });
  const { origin } = await miniflare.ready;
  const endpoint = `${origin}/cdn-cgi/local/r2/s3`;
  return {
    name: 'local R2',
    environment: environmentOf(endpoint, 'auto'),
    endpoint,
    stop: () => miniflare.dispose(),
  };
}

/** @returns null if moto_server is not installed */
export async function startMotoBucket(): Promise<S3Server | null> {
  const moto = await startMoto();
  if (moto === null) return null;
  const { endpoint, stop } = moto;
  const region = 'us-east-1';
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: 'catwalk' }));
  client.destroy();
  return { name: 'moto', environment: environmentOf(endpoint, region), endpoint, stop };
}
