import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashOfWeights, openBackbone } from '../../../trainer/backbone/open-backbone.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { writeRandomBackbone } from '../../support/models/random-backbone.ts';
import { realBackbone } from '../../support/models/real-backbone.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  await openBackend('cpu');
  root = await mkdtemp(join(tmpdir(), 'catwalk-backbone-'));
  folder = await writeRandomBackbone(join(root, 'random'));
});
afterAll(() => rm(root, { recursive: true }));

/** Serves a folder's files while `use` runs. */
async function withServer(files: string, use: (url: string, server: Server) => Promise<void>) {
  const server = createServer(async (request, response) => {
    const content = await readFile(join(files, basename(request.url ?? ''))).catch(() => null);
    response.writeHead(content ? 200 : 404).end(content ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mobilenet/`, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

it('reads a layers model from a folder, or from a URL', async () => {
  const { weights } = await openBackbone({ backbone: folder });
  expect(weights).toHaveLength(2 * 27);
  expect(weights.slice(0, 4).map(({ shape }) => shape)).toEqual([
    [3, 3, 3, 8],
    [8],
    [3, 3, 8, 1],
    [8],
  ]);
  await withServer(folder, async (url) => {
    for (const backbone of [url, `${url}model.json`]) {
      const served = await openBackbone({ backbone });
      expect(hashOfWeights(served.weights)).toBe(hashOfWeights(weights));
    }
  });
});

it('says which weight of another model does not fit', async () => {
  const other = join(root, 'other');
  await cp(folder, other, { recursive: true });
  const file = join(other, 'model.json');
  const model = JSON.parse(await readFile(file, 'utf8'));
  model.weightsManifest[4].weights[0].name = 'conv_pw_1/another';
  await writeFile(file, JSON.stringify(model));
  await expect(openBackbone({ backbone: other })).rejects.toThrow(
    /other is not MobileNet v1 .*: the weight conv_pw_1\/kernel \[1, 1, 8, 16\] is missing/,
  );
  await expect(openBackbone({ backbone: join(root, 'none') })).rejects.toThrow(
    /--backbone: .*none\/model\.json can't be read: .*ENOENT.* Name a folder or URL/,
  );
});

it('refuses files of the official address that have other content, and names the next step', async () => {
  const cacheDir = join(root, 'refused');
  await withServer(folder, async (url) => {
    await expect(openBackbone({ cacheDir, url })).rejects.toThrow(
      /could not be fetched: .*group\d+-shard1of1 is corrupt: expected SHA-256 [0-9a-f]{64}.* Next: .*--backbone/,
    );
  });
  await expect(openBackbone({ cacheDir, url: 'http://127.0.0.1:18/' })).rejects.toThrow(
    /could not be fetched: http:\/\/127\.0\.0\.1:18\/group\d.*ECONNREFUSED.* Next: connect this machine/,
  );
});

it.skipIf(!realBackbone)('fetches the official files once', async () => {
  const cacheDir = join(root, 'cache');
  const messages: string[] = [];
  const onProgress = (message: string) => messages.push(message);
  await withServer(realBackbone, async (url, server) => {
    const { weights, source } = await openBackbone({ cacheDir, url, onProgress });
    expect(source).toBe(url);
    const given = await openBackbone({ backbone: realBackbone });
    expect(hashOfWeights(weights)).toBe(hashOfWeights(given.weights));
    server.closeAllConnections();
    server.close();
    const cached = await openBackbone({ cacheDir, url, onProgress });
    expect(hashOfWeights(cached.weights)).toBe(hashOfWeights(weights));
    expect(messages).toEqual([`Fetching MobileNet from ${url}`]);
    // A damaged file of the cache is fetched again.
    await writeFile(join(cacheDir, 'mobilenet_v1_0.25_224/group5-shard1of1'), 'damaged');
    await expect(openBackbone({ cacheDir, url })).rejects.toThrow(/group5-shard1of1: /);
  });
});
