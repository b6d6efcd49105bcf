import type { Alias, Manifest } from '../../shared/registry/manifest.ts';
import { request, type Trouble, troubleOf } from './requests.ts';

/** The answer of GET /model. */
export interface ServedVersion {
  alias: Pick<Alias, 'version' | 'updatedAt' | 'previous'> & { name: string };
  manifest: Manifest;
  /** Present if the version is the one that the deployment carries. */
  source?: 'snapshot';
}

export type ModelListener = (served: ServedVersion | null, trouble: Trouble | null) => void;

export interface ModelWatch {
  readonly served: ServedVersion | null;
  readonly trouble: Trouble | null;
  /** Calls the listener now if something is known, and whenever the version changes or an error comes or goes. */
  listen(listener: ModelListener): void;
  /** Polls now. */
  poll(): Promise<void>;
}

const pollMilliseconds = 2000;

/** Polls the version that is served, while the page is visible. */
export function watchModel(): ModelWatch {
  const listeners: ModelListener[] = [];
  let served: ServedVersion | null = null;
  let trouble: Trouble | null = null;
  let known = false;
  let etag: string | null = null;
  let timer = 0;

  async function poll(): Promise<void> {
    clearTimeout(timer);
    try {
      const { value, response } = await request<ServedVersion>('model', {
        cache: 'no-store',
        headers: etag ? { 'if-none-match': etag } : {},
      });
      etag = response.headers.get('etag');
      const next = value ?? served;
      const isNews = !known || trouble !== null || isOther(next);
      served = next;
      trouble = null;
      if (isNews) notify();
    } catch (error) {
      const next = troubleOf(error);
      const isNews = trouble?.code !== next.code;
      trouble = next;
      if (isNews) notify();
    }
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(poll, pollMilliseconds);
  }

  const isOther = (next: ServedVersion | null) =>
    next?.manifest.version !== served?.manifest.version ||
    next?.alias.updatedAt !== served?.alias.updatedAt ||
    next?.source !== served?.source;

  function notify(): void {
    known = true;
    for (const listener of listeners) listener(served, trouble);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else poll();
  });
  addEventListener('online', poll);
  return {
    get served() {
      return served;
    },
    get trouble() {
      return trouble;
    },
    listen(listener) {
      listeners.push(listener);
      if (known) listener(served, trouble);
    },
    poll,
  };
}
