import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { parseConfiguration } from '../../../edge/configuration.ts';
import { trainOptionsSchema } from '../../../trainer/run/options.ts';

const infra = join(import.meta.dirname, '../../../infra');

/** The part of https://github.com/compose-spec/compose-spec that the file uses. */
const composeSchema = z.strictObject({
  name: z.string(),
  'x-credentials': z.record(z.string(), z.string()),
  services: z.record(
    z.string(),
    z.strictObject({
      image: z.string().optional(),
      build: z
        .strictObject({
          context: z.string(),
          dockerfile: z.string(),
          args: z.record(z.string(), z.string()).optional(),
        })
        .optional(),
      read_only: z.literal(true).optional(),
      tmpfs: z.string().optional(),
      entrypoint: z.array(z.string()).optional(),
      command: z.union([z.string(), z.array(z.string())]).optional(),
      environment: z.record(z.string(), z.string()).optional(),
      configs: z.array(z.strictObject({ source: z.string(), target: z.string() })).optional(),
      ports: z.array(z.string()).optional(),
      volumes: z.array(z.string()).optional(),
      healthcheck: z
        .strictObject({ test: z.array(z.string()), interval: z.string(), retries: z.int() })
        .optional(),
      depends_on: z
        .record(
          z.string(),
          z.strictObject({
            condition: z.enum(['service_healthy', 'service_completed_successfully']),
          }),
        )
        .optional(),
    }),
  ),
  configs: z.record(z.string(), z.strictObject({ content: z.string() })),
  volumes: z.record(z.string(), z.null()),
});

const compose = composeSchema.parse(
  parse(await readFile(join(infra, 'compose.yaml'), 'utf8'), { merge: true }),
);

describe('compose.yaml', () => {
  it('refers only to services, volumes and configurations that it defines, and pins every image', () => {
    for (const service of Object.values(compose.services)) {
      expect(service.image ?? 'built:1').toMatch(/:\d/);
      for (const name of Object.keys(service.depends_on ?? {})) {
        expect(compose.services).toHaveProperty(name);
      }
      for (const volume of service.volumes ?? []) {
        expect(compose.volumes).toHaveProperty(volume.split(':')[0] ?? '');
      }
      for (const { source } of service.configs ?? []) {
        expect(compose.configs).toHaveProperty(source);
      }
    }
  });

  it('has a server whose conditional writes are atomic', () => {
    for (const { image } of [compose.services.storage, compose.services.bucket].map(Object)) {
      const [, major, minor] = /^chrislusf\/seaweedfs:(\d+)\.(\d+)$/.exec(image) ?? [];
      expect([Number(major), Number(minor) >= 18]).toEqual([4, true]);
    }
  });

  it.each(['trainer', 'worker'])('builds the %s from an existing Dockerfile', (name) => {
    const build = compose.services[name]?.build;
    expect(existsSync(join(infra, build?.context ?? '', build?.dockerfile ?? ''))).toBe(true);
  });

  it('makes the Worker read the bucket that the trainer publishes to', () => {
    const { trainer, worker } = compose.services;
    const { s3 } = parseConfiguration(worker?.environment ?? {});
    expect(trainer?.command).toContain(`s3://${s3?.bucket}`);
    expect(s3?.endpoint).toBe(trainer?.environment?.AWS_ENDPOINT_URL);
    expect(s3?.accessKeyId).toBe(trainer?.environment?.AWS_ACCESS_KEY_ID);
  });

  it('gives the trainer valid options, and the server the same credentials', () => {
    const [command, ...options] = [compose.services.trainer?.command ?? []].flat();
    expect(command).toBe('train');
    const names = options.filter((option) => option.startsWith('--'));
    for (const name of names) {
      expect(Object.keys(trainOptionsSchema.shape)).toContain(name.slice(2));
    }
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } =
      compose.services.trainer?.environment ?? {};
    const s3 = JSON.parse(compose.configs.s3?.content ?? '');
    expect(s3.identities[0].credentials).toEqual([
      { accessKey: AWS_ACCESS_KEY_ID, secretKey: AWS_SECRET_ACCESS_KEY },
    ]);
  });
});
