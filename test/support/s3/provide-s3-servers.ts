import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import type { TestProject } from 'vitest/node';
import { startLocalWorker } from '../../../infra/local/worker.ts';
import { startMoto } from './moto-server.ts';

const bucket = 'catwalk';

/** Starts the local R2's S3 API and, where it is installed, moto_server. */
export default async function startS3Servers(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-s3-'));
  const [worker, moto] = await Promise.all([
    startLocalWorker({ port: 0, persistTo: folder }),
    startMoto(),
  ]);
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = worker.env;
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
  const location = { bucket, region: 'auto', endpoint: worker.s3Endpoint, ...credentials };
  const servers = [{ name: 'local R2', location, checksCredentials: true }];
  if (moto) {
    const region = 'us-east-1';
    const client = new AwsClient({ ...credentials, region, service: 's3' });
    await client.fetch(`${moto.endpoint}/${bucket}`, { method: 'PUT' });
    const inMoto = { ...location, region, endpoint: moto.endpoint };
    servers.push({ name: 'moto', location: inMoto, checksCredentials: false });
  }
  project.provide('s3Servers', servers);
  return async () => {
    await Promise.all([worker.stop(), moto?.stop()]);
    await rm(folder, { recursive: true });
  };
}
