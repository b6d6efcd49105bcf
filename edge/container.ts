/** The entry point of the container's server: the Worker, with the page in front of it as Cloudflare's static assets are. */
import { env } from 'cloudflare:workers';
import { catwalk } from './worker.ts';

/** One file of the page, as infra/worker/write-config.ts describes it. */
interface PageFile {
  /** The binding with the file's bytes. */
  binding: string;
  headers: Record<string, string>;
}

interface ContainerBindings {
  PAGE: Record<string, PageFile>;
  [binding: string]: unknown;
}

const bindings = env as unknown as ContainerBindings;
const pageFiles = new Map(Object.entries(bindings.PAGE));

/** Returns a file of the page, or `null` if the request is not for one. */
function pageResponse({ method, url, headers }: Request): Response | null {
  if (method !== 'GET' && method !== 'HEAD') return null;
  const file = pageFiles.get(new URL(url).pathname);
  if (file === undefined) return null;
  const known = headers.get('if-none-match')?.split(/,\s*(?:W\/)?|^W\//) ?? [];
  const etag = file.headers.etag;
  if (etag !== undefined && known.includes(etag)) {
    return new Response(null, { status: 304, headers: file.headers });
  }
  const body = bindings[file.binding] as ArrayBuffer;
  return new Response(method === 'HEAD' ? null : body, { headers: file.headers });
}

const assets = {
  fetch: async (url: string) =>
    pageResponse(new Request(url)) ?? new Response(null, { status: 404 }),
};

const worker = catwalk({ ...bindings, ASSETS: assets as Pick<Fetcher, 'fetch'> });

export default {
  fetch: (request, variables, execution) =>
    pageResponse(request) ?? worker.fetch(request, variables, execution),
} satisfies ExportedHandler;
