import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultCacheFolder } from '../../../node/files.ts';

test.each([
  ['/somewhere/cache', '/somewhere/cache/catwalk/datasets'],
  ['relative/is/ignored', join(homedir(), '.cache/catwalk/datasets')],
  [undefined, join(homedir(), '.cache/catwalk/datasets')],
])('XDG_CACHE_HOME=%s', (XDG_CACHE_HOME, expected) => {
  expect(defaultCacheFolder({ XDG_CACHE_HOME })).toBe(expected);
});
