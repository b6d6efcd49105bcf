import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bundle, bundleProduction } from '../bench/edge/bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'catwalk-bundle-'));
let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleProduction(folder);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('is minified, and bundles only zod/mini', () => {
  // Licence notices must stay unchanged.
  const script = new TextDecoder().decode(bundle.get('index.js')).replace(/\/\*![\s\S]*?\*\//g, '');
  expect(script.split('\n').length).toBeLessThan(script.length / 1000);
  // A name that occurs in the full zod but not in zod/mini.
  expect(script).not.toMatch(/["'`]ZodNumberFormat["'`]/);
});
