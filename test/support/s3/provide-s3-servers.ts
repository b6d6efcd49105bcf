import type { TestProject } from 'vitest/node';
import {
  conflictsForever,
  failingStores,
  truncatesListings,
  usableStores,
} from './reported-stores.ts';
import { type S3Server, startLocalR2, startMotoBucket } from './s3-servers.ts';
import { startStandIn } from './stand-in.ts';

/**
 * Starts S3 servers for the tests inside workerd: the local R2's, moto_server if it is installed, and stand-ins that behave
 * like the stores that users have reported.
 */
export default async function provideS3Servers(project: TestProject): Promise<() => Promise<void>> {
  const [localR2, moto, ...usable] = await Promise.all([
    startLocalR2(),
    startMotoBucket(),
    ...Object.entries(usableStores).map(([name, behaviour]) => startStandIn(name, behaviour())),
  ]);
  const servers = [localR2, ...(moto ? [moto] : []), ...usable];
  project.provide(
    's3Servers',
    servers.map((server) => ({
      name: server.name,
      location: locationOf(server),
      checksCredentials: server === localR2,
    })),
  );
  const failing = await Promise.all(
    Object.entries(failingStores).map(async ([name, { behaviour, says }]) => ({
      says: says.source,
      server: await startStandIn(name, behaviour),
    })),
  );
  const [truncating, conflicting] = await Promise.all([
    startStandIn('truncated listings', truncatesListings),
    startStandIn('lasting conflicts', conflictsForever),
  ]);
  project.provide('failingStores', {
    all: failing.map(({ says, server }) => ({
      name: server.name,
      location: locationOf(server),
      says,
    })),
    truncating: locationOf(truncating),
    conflicting: locationOf(conflicting),
  });
  const started = [...servers, ...failing.map(({ server }) => server), truncating, conflicting];
  return async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
}

const locationOf = ({ environment, endpoint }: S3Server) => ({
  bucket: 'catwalk',
  region: environment.AWS_REGION ?? '',
  endpoint,
  accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
  secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
});
