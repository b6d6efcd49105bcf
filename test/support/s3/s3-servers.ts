import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startLocalWorker } from '../../../infra/local/worker.ts';
import { startMoto } from './moto-server.ts';

/** A server with an empty bucket `catwalk`. */
export interface S3Server {
  name: string;
  /** The standard AWS variables that open it. */
  environment: Record<string, string>;
  endpoint: string;
  stop(): Promise<void>;
}

/** The bucket of `wrangler dev`: R2's S3 API on this machine. */
export async function startLocalR2(): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-faults-'));
  const worker = await startLocalWorker({ port: 0, persistTo: folder });
  return {
    name: 'local R2',
    environment: worker.env,
    endpoint: worker.s3Endpoint,
    async stop() {
      await worker.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** @returns null where moto_server is not installed */
export async function startMotoBucket(): Promise<S3Server | null> {
  const moto = await startMoto();
  if (moto === null) return null;
  const { endpoint, stop } = moto;
  const region = 'us-east-1';
  const credentials = { accessKeyId: 'anyone', secretAccessKey: 'any-secret' };
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: 'catwalk' }));
  client.destroy();
  const environment = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: '',
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
  };
  return { name: 'moto', environment, endpoint, stop };
}
