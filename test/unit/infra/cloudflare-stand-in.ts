import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const account = '0123456789abcdef0123456789abcdef';

/** Answers what Wrangler asks Cloudflare's API while it deploys (CLOUDFLARE_API_BASE_URL), and keeps a list of it. */
export interface CloudflareStandIn {
  url: string;
  account: string;
  /** `METHOD /path`, in the order in which they came. */
  calls: string[];
  /** Buckets that were created. */
  buckets: Set<string>;
  /** The last uploaded Worker's metadata: bindings, compatibility date, … */
  metadata(): Record<string, unknown> | null;
  stop(): Promise<void>;
}

/** The shape of every answer (https://developers.cloudflare.com/api/). */
const success = (result: unknown) => ({ success: true, errors: [], messages: [], result });
const failure = (code: number, message: string) => ({
  success: false,
  errors: [{ code, message }],
  messages: [],
  result: null,
});

export async function startCloudflareStandIn(): Promise<CloudflareStandIn> {
  const calls: string[] = [];
  const buckets = new Set<string>();
  const workers = new Map<string, Record<string, unknown>>();
  let lastMetadata: Record<string, unknown> | null = null;

  async function answer(method: string, path: string, body: Buffer, type: string) {
    const inAccount = path.replace(`/accounts/${account}`, '');
    if (path === '/accounts') return success([{ id: account, name: 'Stand-in' }]);
    if (path === '/memberships') return success([{ account: { id: account, name: 'Stand-in' } }]);
    if (path === '/user') return success({ id: 'user', email: 'somebody@example.com' });
    if (path === '/user/tokens/verify') return success({ id: 'token', status: 'active' });
    const bucket = inAccount.match(/^\/r2\/buckets\/([^/]+)/)?.[1];
    if (bucket) {
      return buckets.has(bucket)
        ? success({ name: bucket, creation_date: '2026-11-24T00:00:00Z', location: 'WEUR' })
        : failure(10006, 'The specified bucket does not exist.');
    }
    if (inAccount === '/r2/buckets' && method === 'POST') {
      buckets.add(JSON.parse(String(body)).name);
      return success({});
    }
    if (inAccount.endsWith('/assets-upload-session')) return success({ jwt: 'jwt', buckets: [] });
    if (inAccount === '/workers/subdomain') return success({ subdomain: 'stand-in' });
    if (inAccount.endsWith('/subdomain')) return success({ enabled: true, previews_enabled: true });
    const script = inAccount.match(/^\/workers\/(?:scripts|services)\/([^/]+)/)?.[1];
    if (script && type.startsWith('multipart/form-data')) {
      const form = await new Response(new Uint8Array(body), {
        headers: { 'content-type': type },
      }).formData();
      lastMetadata = JSON.parse(String(form.get('metadata')));
      workers.set(script, lastMetadata ?? {});
      return success({
        id: script,
        tag: 'tag',
        deployment_id: '1'.repeat(32),
        startup_time_ms: 12,
      });
    }
    if (script && !workers.has(script)) {
      return failure(10007, 'This Worker does not exist on your account.');
    }
    if (inAccount.startsWith('/workers/workers/')) {
      return success({ subdomain: { enabled: true, previews_enabled: true } });
    }
    if (script && inAccount.startsWith('/workers/services/')) {
      const environment = { environment: 'production', script: { last_deployed_from: 'wrangler' } };
      return success({ id: script, default_environment: environment });
    }
    if (inAccount.endsWith('/secrets')) return success([]);
    if (inAccount.endsWith('/deployments')) return success({ deployments: [] });
    if (inAccount.endsWith('/versions')) return success({ items: [] });
    return success({});
  }

  const server = createServer(async (request, response) => {
    const { method = 'GET', headers } = request;
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    calls.push(`${method} ${path}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const content = await answer(method, path, Buffer.concat(parts), headers['content-type'] ?? '');
    response.writeHead(content.success ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(content));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http://127.0.0.1:${port}`, account, calls, buckets },
    metadata: () => lastMetadata,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
