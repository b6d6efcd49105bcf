import type { Alias, Manifest } from '../../shared/registry/manifest.ts';
import { ask, type Trouble, troubleOf } from './trouble.ts';

/** What GET /model answers. */
export interface ServedVersion {
  alias: Pick<Alias, 'version' | 'updatedAt' | 'previous'> & { name: string };
  manifest: Manifest;
}

export type ModelListener = (served: ServedVersion | null, trouble: Trouble | null) => void;

export interface ModelWatch {
  readonly served: ServedVersion | null;
  readonly trouble: Trouble | null;
  /** Tells at once what is known, then whenever another version is served or trouble comes and goes. */
  listen(listener: ModelListener): void;
  /** Looks now. */
  look(): Promise<void>;
}

const lookMilliseconds = 2000;

/** Follows the version that is served, for as long as the page is in sight. */
export function watchModel(): ModelWatch {
  const listeners: ModelListener[] = [];
  let served: ServedVersion | null = null;
  let trouble: Trouble | null = null;
  let known = false;
  let etag: string | null = null;
  let timer = 0;

  async function look(): Promise<void> {
    clearTimeout(timer);
    try {
      const { value, response } = await ask<ServedVersion>('model', {
        cache: 'no-store',
        headers: etag ? { 'if-none-match': etag } : {},
      });
      etag = response.headers.get('etag');
      const next = value ?? served;
      const isNews = !known || trouble !== null || isOther(next);
      served = next;
      trouble = null;
      if (isNews) tell();
    } catch (error) {
      const next = troubleOf(error);
      const isNews = trouble?.code !== next.code;
      trouble = next;
      if (isNews) tell();
    }
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, lookMilliseconds);
  }

  const isOther = (next: ServedVersion | null) =>
    next?.manifest.version !== served?.manifest.version ||
    next?.alias.updatedAt !== served?.alias.updatedAt;

  function tell(): void {
    known = true;
    for (const listener of listeners) listener(served, trouble);
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else look();
  });
  addEventListener('online', look);
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
    look,
  };
}
