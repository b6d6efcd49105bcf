import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { runBuildStage } from '../../support/dockerfile.ts';

const root = join(import.meta.dirname, '../../..');

// The images themselves are built by `npm run test:container`, which takes ten minutes.
describe.each(['infra/trainer/Dockerfile', 'infra/worker/Dockerfile'])('%s', (file) => {
  it.runIf(inject('whole'))(
    'copies everything that its build reads',
    async () => {
      const { folder, commands } = await runBuildStage(file);
      await rm(folder, { recursive: true, force: true });
      expect(commands).toBeGreaterThan(0);
    },
    60_000,
  );

  it('pins its base by digest, runs as a number in group 0, and refuses other machines before it installs', async () => {
    const text = await readFile(join(root, file), 'utf8');
    // Dependabot reads only literal FROM lines.
    expect(text).toMatch(/^FROM debian:\S+@sha256:[0-9a-f]{64} AS base$/m);
    expect(text).toMatch(/^ARG BASE_IMAGE=base$/m);
    expect(text.match(/^USER .*$/gm)).toEqual(['USER 10001:0']);
    const check = text.indexOf('uname -m');
    expect(check).toBeGreaterThan(0);
    expect(check).toBeLessThan(text.indexOf('npm ci --ignore-scripts'));
    // A development server has endpoints that open the bucket to anyone.
    expect(text).not.toMatch(/"dev"|wrangler dev/);
  });
});
