import type { TestProject } from 'vitest/node';
import { startLocalR2, startMotoBucket } from './s3-servers.ts';

/** Starts the local R2's S3 API and, if it is installed, moto_server for the tests inside workerd. */
export default async function provideS3Servers(project: TestProject): Promise<() => Promise<void>> {
  const [localR2, moto] = await Promise.all([startLocalR2(), startMotoBucket()]);
  const servers = moto ? [localR2, moto] : [localR2];
  project.provide(
    's3Servers',
    servers.map(({ name, environment, endpoint }) => ({
      name,
      location: {
        bucket: 'catwalk',
        region: environment.AWS_REGION ?? '',
        endpoint,
        accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
        secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
      },
      checksCredentials: name === 'local R2',
    })),
  );
  return async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
}
