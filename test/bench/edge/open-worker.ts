import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Log, Miniflare, NoOpLog } from 'miniflare';
import { unstable_readConfig } from 'wrangler';
import type { Bundle } from './bundle.ts';

export interface OpenWorker {
  /** Such as `http://127.0.0.1:40123`, without a proxy in front of the Worker. */
  url: string;
  /** Speaks the Chrome DevTools protocol; null if not requested. */
  inspectorUrl: string | null;
  /** Milliseconds from the start of workerd's process to the end of `untilAnswered`. */
  startMilliseconds: number;
  close(): Promise<void>;
}

type WorkerBindings = Record<
  string,
  | { type: 'rate-limit'; namespace: string; simple: { limit: number; period: 10 | 60 } }
  | { type: 'analytics-engine-dataset'; name: string }
>;

export interface OpenWorkerOptions {
  bundle: Bundle;
  /** A folder to work in. */
  folder: string;
  /** The local bucket, which is copied because two runtimes can't open the same one (default: an empty bucket). */
  persistTo?: string;
  /** Resolves when the Worker has answered the request that ends the measurement of its start. */
  untilAnswered?: (url: string) => Promise<void>;
  inspect?: boolean;
  /** Variables that override the configuration's `vars`. */
  variables?: Record<string, string>;
  /** Further bindings, as Miniflare describes them. */
  bindings?: WorkerBindings;
  /** Serves the page and the other static assets in front of the Worker, as in a deployment. */
  withAssets?: boolean;
  /** A folder of static assets that only the Worker reads, such as a snapshot (default: none). */
  ownAssets?: string;
  /** Called with each line that the Worker logs. */
  onLog?: (line: string) => void;
}

const host = '127.0.0.1';
const repository = join(import.meta.dirname, '../../..');

/** Starts a Worker in a separate workerd, with the bindings and the compatibility date of wrangler.jsonc. */
export async function openWorker(options: OpenWorkerOptions): Promise<OpenWorker> {
  const { untilAnswered, inspect = false, onLog } = options;
  const state = await mkdtemp(join(options.folder, 'worker-'));
  if (options.persistTo !== undefined) await cp(options.persistTo, state, { recursive: true });
  const workers = [workerOptions(options)];

  // Miniflare's preparations before it starts workerd, such as packing the script, are not part of a Worker's start.
  let start = Number.NaN;
  const noteStart = () => {
    start = performance.now();
    unsubscribe('child_process', noteStart);
  };
  subscribe('child_process', noteStart);
  const miniflare = new Miniflare({
    host,
    cf: false,
    log: new NoOpLog() as Log,
    telemetry: { enabled: false },
    resourcePersistencePath: join(state, 'v3'),
    workers,
    ...(inspect ? { inspectorPort: 0 } : {}),
    ...(onLog ? { handleStructuredLogs: ({ message }) => onLog(message) } : {}),
  });
  const close = async () => {
    unsubscribe('child_process', noteStart);
    await miniflare.dispose();
    await rm(state, { recursive: true });
  };
  try {
    await miniflare.ready;
    const { origin } = await miniflare.unsafeGetDirectURL();
    await untilAnswered?.(origin);
    return {
      url: origin,
      startMilliseconds: performance.now() - start,
      inspectorUrl: inspect ? (await miniflare.getInspectorURL()).href : null,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function workerOptions(options: OpenWorkerOptions) {
  const { bundle, variables: further = {}, bindings = {}, ownAssets, withAssets = false } = options;
  const { compatibility_date, compatibility_flags, vars, assets } = unstable_readConfig(
    { config: join(repository, 'wrangler.jsonc') },
    { hideWarnings: true },
  );
  const directory = ownAssets ?? (withAssets ? assets?.directory : undefined);
  const modules = Array.from(bundle, ([name, contents]) => {
    const type = name.endsWith('.wasm') ? ('wasm' as const) : ('esm' as const);
    return [
      name,
      { type, contents: type === 'esm' ? new TextDecoder().decode(contents) : contents },
    ] as const;
  });
  const variables = Object.entries({ ...vars, ...further }).map(
    ([name, value]) => [name, { type: 'text' as const, value: String(value) }] as const,
  );
  return {
    config: {
      name: 'bench',
      compatibilityDate: compatibility_date ?? '',
      compatibilityFlags: compatibility_flags,
      manifest: { mainModule: modules[0]?.[0] ?? '', modules: Object.fromEntries(modules) },
      env: {
        BUCKET: { type: 'r2' as const, name: 'catwalk' },
        ...Object.fromEntries(variables),
        ...bindings,
        ...(ownAssets && { ASSETS: { type: 'assets' as const } }),
      },
      ...(directory && { assets: { directory, hasUserWorker: true } }),
    },
    dev: { unsafeDirectSockets: [{ host, port: 0 }] },
  };
}
