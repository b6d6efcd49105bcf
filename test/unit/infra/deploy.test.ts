import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { type LocalWorker, startLocalWorker } from '../../../infra/local/worker.ts';
import {
  type CloudflareStandIn,
  startCloudflareStandIn,
  type UploadedWorker,
} from '../../support/cloudflare-stand-in.ts';

const repository = join(import.meta.dirname, '../../..');
const configured = (env?: string) =>
  unstable_readConfig(
    { config: join(repository, 'wrangler.jsonc'), ...(env && { env }) },
    { hideWarnings: true },
  );

async function deploy(argv: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(repository, 'infra/deploy.ts'), ...argv], {
    env: {
      ...process.env,
      CI: 'true',
      NO_COLOR: '1',
      WRANGLER_SEND_METRICS: 'false',
      CLOUDFLARE_API_TOKEN: '',
      CLOUDFLARE_ACCOUNT_ID: '',
      HOME: '/nonexistent',
      XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '', '.cache'),
      ...environment,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('the environments of wrangler.jsonc', () => {
  it.each(['staging', 'production'])('%s has its name and the bucket', (env) => {
    const { vars, r2_buckets, name } = configured(env);
    expect(vars).toEqual({});
    expect(r2_buckets.map(({ binding }: { binding: string }) => binding)).toEqual(['BUCKET']);
    expect(name).toBe(env === 'production' ? 'catwalk' : 'catwalk-staging');
  });

  it('have different buckets', () => {
    const [staging, production] = ['staging', 'production'].map(
      (env) => configured(env).r2_buckets[0]?.bucket_name,
    );
    expect(staging).not.toBe(production);
  });
});

describe('a deployment', () => {
  let folder: string;
  let worker: LocalWorker;
  let cloudflare: CloudflareStandIn;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catwalk-deploy-'));
    [worker, cloudflare] = await Promise.all([
      startLocalWorker({ port: 0, persistTo: folder, variables: { SNAPSHOT: 'on' } }),
      startCloudflareStandIn(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([worker?.stop(), cloudflare?.stop()]);
    await rm(folder, { recursive: true });
  });

  it('does nothing without a login, and explains how to log in', async () => {
    const { code, output } = await deploy(['--env', 'staging']);
    expect(code).toBe(1);
    expect(output).toContain('wrangler login');
  });

  it('needs no keys, and deploys the top level of the configuration in Workers Builds', async () => {
    const button = await startCloudflareStandIn();
    try {
      const { code, output } = await deploy(['--url', worker.url], {
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        CLOUDFLARE_API_BASE_URL: button.url,
        CLOUDFLARE_API_TOKEN: 'stand-in',
        WORKERS_CI: '1',
        WRANGLER_LOG: 'log',
      });
      expect(output).toContain('The test set is not uploaded');
      expect(output).toContain('the deployment carries the starter model');
      expect(output).toContain(`It answers at ${worker.url} with the model that the deployment`);
      expect(code, output).toBe(0);
      const { r2_buckets, name } = configured();
      expect(button.buckets).toEqual(new Set([r2_buckets[0]?.bucket_name]));
      expect(Array.from(button.workers.keys())).toEqual([name]);
      expect(button.unknown).toEqual([]);
    } finally {
      await button.stop();
    }
  });

  it('creates the bucket, uploads the test set and the Worker, and can be repeated', async () => {
    const environment = {
      ...worker.env,
      CLOUDFLARE_API_BASE_URL: cloudflare.url,
      CLOUDFLARE_API_TOKEN: 'stand-in',
      // The tests silence Wrangler otherwise.
      WRANGLER_LOG: 'log',
    };
    const { AWS_ENDPOINT_URL_S3: endpoint = '' } = worker.env;
    const argv = ['--env', 'production', '--url', worker.url, '--endpoint', endpoint];
    const first = await deploy(argv, environment);
    expect(first.output).toContain('Created the bucket catwalk');
    expect(first.output).toContain('Test set uploaded');
    expect(first.output).toMatch(/Total Upload: \S+ KiB \/ gzip: 2\d\d\.\d\d KiB/);
    // As Cloudflare measured it.
    expect(first.output).toContain('Worker Startup Time: 12 ms');
    expect(first.output).toContain('catwalk.stand-in.workers.dev');
    expect(first.output).toContain('the deployment carries the starter model');
    expect(first.output).toContain(
      `It answers at ${worker.url} with the model that the deployment`,
    );
    expect(first.code).toBe(0);
    expect(cloudflare.buckets).toEqual(new Set(['catwalk']));
    const [name, deployed] = [...cloudflare.workers][0] as [string, UploadedWorker];
    expect(name).toBe('catwalk');
    expect(deployed.metadata).toMatchObject({
      assets: { jwt: 'complete' },
      bindings: expect.arrayContaining([
        expect.objectContaining({ name: 'BUCKET', type: 'r2_bucket', bucket_name: 'catwalk' }),
      ]),
    });
    expect(deployed.subdomain.enabled).toBe(true);
    expect(deployed.schedules).toEqual([{ cron: '* * * * *' }]);
    const uploaded = cloudflare.assets.size;
    expect(uploaded).toBeGreaterThan(0);
    const served = await fetch(`${worker.url}/images/0.png`);
    expect(served.status).toBe(200);

    if (!inject('whole')) return;
    const second = await deploy(argv, environment);
    expect(second.output).toContain('The bucket catwalk exists');
    expect(second.output).toContain('Test set unchanged');
    expect(second.output).toContain(`Deployed version ${deployed.versions[1]} of catwalk`);
    expect(second.code).toBe(0);
    const api = `/accounts/${cloudflare.account}`;
    const created = cloudflare.calls.filter((call) => call === `POST ${api}/r2/buckets`);
    expect(created).toHaveLength(1);
    expect(cloudflare.workers.size).toBe(1);
    expect(cloudflare.assets.size).toBe(uploaded);
    // Each upload is a version of its own, and the last one gets every request.
    expect(new Set(deployed.versions).size).toBe(2);
    expect(deployed.deployments.map(({ versions }) => versions)).toEqual(
      deployed.versions.toReversed().map((version) => [{ version_id: version, percentage: 100 }]),
    );

    const routes = [{ pattern: 'catwalk.example.com', custom_domain: true }];
    const config = join(folder, 'wrangler.json');
    const { main, compatibility_date, r2_buckets } = configured('production');
    const assets = { directory: join(repository, 'edge/page/build') };
    const production = { name, r2_buckets, routes };
    await writeFile(
      config,
      JSON.stringify({ name, main, compatibility_date, assets, env: { production } }),
    );
    const withDomain = await deploy([...argv, '--config', config], environment);
    expect(withDomain.output).toContain('The deployment will point catwalk.example.com to this');
    expect(withDomain.code, withDomain.output).toBe(0);
    expect(deployed.domains).toEqual(['catwalk.example.com']);
    expect(deployed.subdomain.enabled).toBe(false);
    expect(cloudflare.unknown).toEqual([]);
  }, 300_000);
});
