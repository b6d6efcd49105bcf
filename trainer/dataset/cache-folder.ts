import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Where data sets are kept between runs, by the XDG base directory specification
 * (https://specifications.freedesktop.org/basedir-spec/latest/): a relative XDG_CACHE_HOME is ignored.
 */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment.XDG_CACHE_HOME;
  const base = configured && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(base, 'catwalk', 'datasets');
}
