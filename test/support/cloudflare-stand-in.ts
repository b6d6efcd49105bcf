import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const account = '0123456789abcdef0123456789abcdef';

/** A Worker that was uploaded. */
export interface UploadedWorker {
  /** The last upload's bindings, compatibility date, … */
  metadata: { bindings: Record<string, unknown>[]; assets?: { jwt: string } };
  /** Versions that were uploaded, the oldest first. */
  versions: string[];
  /** Which versions get which share of the requests, the newest first. */
  deployments: { id: string; versions: { version_id: string; percentage: number }[] }[];
  tags: string[];
  subdomain: { enabled: boolean; previews_enabled: boolean };
  schedules: { cron: string }[];
  /** Custom domains. */
  domains: string[];
}

/** Answers Wrangler's requests to Cloudflare's API during a deployment (CLOUDFLARE_API_BASE_URL), and records the uploads. */
export interface CloudflareStandIn {
  url: string;
  account: string;
  /** The requests as `METHOD /path`, in their order. */
  calls: string[];
  /** The requests for which it has no route. It answers them as Cloudflare answers unknown routes. */
  unknown: string[];
  /** Buckets that were created. */
  buckets: Set<string>;
  /** Hashes of the page's files that were uploaded. */
  assets: Set<string>;
  /** By name. */
  workers: Map<string, UploadedWorker>;
  stop(): Promise<void>;
}

interface Failure {
  code: number;
  message: string;
}
/** Cloudflare's error codes, which Wrangler reads. */
const noSuchBucket: Failure = { code: 10006, message: 'The specified bucket does not exist.' };
const noSuchObject: Failure = { code: 10007, message: 'The specified key does not exist.' };
const noSuchWorker: Failure = {
  code: 10007,
  message: 'This Worker does not exist on your account.',
};
const notPermitted: Failure = { code: 9109, message: 'Unauthorized to access requested resource' };
const noRoute: Failure = { code: 7003, message: 'Could not route to that URI.' };

interface Call {
  json: () => Record<string, unknown>;
  form: () => Promise<FormData>;
}
/** The name in the path, then the body. */
type Answer = (name: string, call: Call) => unknown;

/** @param options.listsAccounts false: the token has no permission to list them */
export async function startCloudflareStandIn({
  listsAccounts = true,
} = {}): Promise<CloudflareStandIn> {
  const calls: string[] = [];
  const unknown: string[] = [];
  const buckets = new Set<string>();
  const assets = new Set<string>();
  const workers = new Map<string, UploadedWorker>();

  /** @param answer for a Worker that exists */
  const ofWorker =
    (answer: (worker: UploadedWorker, call: Call, name: string) => unknown): Answer =>
    (name, call) => {
      const worker = workers.get(name);
      if (worker === undefined) throw noSuchWorker;
      return answer(worker, call, name);
    };
  const metadataOf = async (call: Call): Promise<UploadedWorker['metadata']> =>
    JSON.parse(String((await call.form()).get('metadata')));
  const addVersion = (worker: UploadedWorker) => {
    const version = randomUUID();
    worker.versions.push(version);
    return version;
  };
  const addDeployment = (worker: UploadedWorker, { versions }: { versions?: unknown }) => {
    const deployment = { id: randomUUID(), versions } as UploadedWorker['deployments'][number];
    worker.deployments.unshift(deployment);
    return deployment;
  };

  /** By method and path in the account, in the shapes of https://developers.cloudflare.com/api/. */
  const routes: [string, Answer][] = [
    [
      'GET /r2/buckets/:name',
      (name) => {
        if (!buckets.has(name)) throw noSuchBucket;
        return { name, creation_date: '2026-11-24T00:00:00Z', location: 'WEUR' };
      },
    ],
    [
      'POST /r2/buckets',
      (_, call) => {
        buckets.add(String(call.json().name));
        return {};
      },
    ],
    [
      // Its buckets have no objects.
      'GET /r2/buckets/:name/objects/.*',
      () => {
        throw noSuchObject;
      },
    ],
    ['GET /workers/subdomain', () => ({ subdomain: 'stand-in' })],
    [
      'GET /workers/services/:name',
      ofWorker(({ tags }, _, id) => {
        const script = { tag: id, tags, last_deployed_from: 'wrangler' };
        return { id, default_environment: { environment: 'production', script } };
      }),
    ],
    [
      // The Worker may not exist yet.
      'POST /workers/scripts/:name/assets-upload-session',
      (_, call) => {
        const files = Object.values(call.json().manifest as Record<string, { hash: string }>);
        const missing = files.map(({ hash }) => hash).filter((hash) => !assets.has(hash));
        return missing.length === 0
          ? { jwt: 'complete', buckets: [] }
          : { jwt: 'session', buckets: [missing] };
      },
    ],
    [
      'POST /workers/assets/upload',
      async (_, call) => {
        for (const hash of (await call.form()).keys()) assets.add(hash);
        return { jwt: 'complete' };
      },
    ],
    [
      'PUT /workers/scripts/:name',
      async (name, call) => {
        const worker: UploadedWorker = {
          versions: [],
          deployments: [],
          tags: [],
          schedules: [],
          domains: [],
          subdomain: { enabled: false, previews_enabled: false },
          ...workers.get(name),
          metadata: await metadataOf(call),
        };
        workers.set(name, worker);
        const version = addVersion(worker);
        addDeployment(worker, { versions: [{ version_id: version, percentage: 100 }] });
        return { id: name, deployment_id: version.replaceAll('-', ''), startup_time_ms: 12 };
      },
    ],
    [
      'POST /workers/scripts/:name/versions',
      ofWorker(async (worker, call) => {
        worker.metadata = await metadataOf(call);
        const id = addVersion(worker);
        const resources = { script: { etag: id }, bindings: worker.metadata.bindings };
        return { id, number: worker.versions.length, resources, startup_time_ms: 12 };
      }),
    ],
    ['GET /workers/scripts/:name/deployments', ofWorker(({ deployments }) => ({ deployments }))],
    [
      'POST /workers/scripts/:name/deployments',
      ofWorker((worker, call) => addDeployment(worker, call.json())),
    ],
    ['GET /workers/scripts/:name/secrets', ofWorker(() => [])],
    [
      'GET /workers/scripts/:name/settings',
      ofWorker(({ metadata: { bindings }, tags }) => ({ bindings, tags })),
    ],
    [
      'PATCH /workers/scripts/:name/script-settings',
      ofWorker((worker, call) => Object.assign(worker, { tags: call.json().tags })),
    ],
    ['GET /workers/workers/:name', ofWorker(({ subdomain }, _, name) => ({ name, subdomain }))],
    [
      'POST /workers/scripts/:name/subdomain',
      ofWorker((worker, call) => Object.assign(worker.subdomain, call.json())),
    ],
    [
      'POST /workers/scripts/:name/domains/changeset',
      () => ({ added: [], removed: [], updated: [], conflicting: [] }),
    ],
    [
      'PUT /workers/scripts/:name/domains/records',
      ofWorker((worker, call) => {
        const { origins } = call.json() as { origins: { hostname: string }[] };
        worker.domains = origins.map(({ hostname }) => hostname);
        return worker.domains;
      }),
    ],
    [
      'PUT /workers/scripts/:name/schedules',
      ofWorker((worker, call) => {
        worker.schedules = call.json() as unknown as UploadedWorker['schedules'];
        return { schedules: worker.schedules };
      }),
    ],
  ];
  const patterns = routes.map(([route, answer]) => ({
    pattern: new RegExp(`^${route.replace(':name', '([^/]+)')}$`),
    answer,
  }));

  function answer(method: string, path: string, call: Call): unknown {
    if (!listsAccounts && /^\/(memberships|accounts|user)$/.test(path)) throw notPermitted;
    if (path === '/memberships') return [{ account: { id: account, name: 'Stand-in' } }];
    if (path === '/accounts') return [{ id: account, name: 'Stand-in' }];
    if (path === '/user') return { id: 'user', email: 'somebody@example.com' };
    if (path === '/user/tokens/verify') return { id: 'token', status: 'active' };
    // Wrangler treats a bucket without this size as empty.
    if (path === '/graphql') return {};
    const inAccount = `${method} ${path.replace(`/accounts/${account}`, '')}`;
    for (const { pattern, answer: give } of patterns) {
      const found = inAccount.match(pattern);
      if (found) return give(found[1] ?? '', call);
    }
    unknown.push(`${method} ${path}`);
    throw noRoute;
  }

  const server = createServer(async (request, response) => {
    const { method = 'GET', headers } = request;
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    calls.push(`${method} ${path}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const type = headers['content-type'] ?? '';
    const call: Call = {
      json: () => JSON.parse(String(body)),
      form: () => new Response(body, { headers: { 'content-type': type } }).formData(),
    };
    // The envelope of every answer.
    const [status, content] = await Promise.resolve()
      .then(() => answer(method, path, call))
      .then((result) => [200, { success: true, errors: [], messages: [], result }] as const)
      .catch((error: Failure) => {
        const { code = 0, message } = error;
        return [404, { success: false, errors: [{ code, message }], messages: [], result: null }];
      });
    response.writeHead(status as number, { 'content-type': 'application/json' });
    response.end(JSON.stringify(content));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    account,
    calls,
    unknown,
    buckets,
    assets,
    workers,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
