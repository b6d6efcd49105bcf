import { encode } from 'fast-png';
import { deflateSync, gzipSync, zlibSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxBodyBytes } from '../../../edge/input/body.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

let app: TestApp;
const png = encode({ width: 28, height: 28, data: testImage(0), channels: 1, depth: 8 });

beforeAll(async () => {
  const bucket = openBucket();
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
});

describe('a compressed body', () => {
  async function problemOf(encoding: string, bytes: Uint8Array) {
    const body = Uint8Array.from(bytes);
    const headers = { 'content-encoding': encoding };
    return app.json('/predict', { method: 'POST', body, headers });
  }

  it('is refused by name if the encoding is not supported', async () => {
    expect(await problemOf('br', png)).toMatchObject({
      status: 415,
      code: 'unsupported_encoding',
      detail: expect.stringContaining('br'),
    });
  });

  it('may have a file name, a comment and other fields in its header', async () => {
    const zipped = gzipSync(png);
    const fields = [2, 0, 1, 2, ...Buffer.from('a.png\0comment\0'), 9, 9];
    const body = Uint8Array.of(...zipped.slice(0, 3), 31, ...zipped.slice(4, 10), ...fields);
    const whole = Uint8Array.of(...body, ...zipped.slice(10));
    expect(await problemOf('gzip', whole)).toMatchObject({ predicted: expect.anything() });
  });

  it('is refused if it is not gzip, damaged, truncated or empty', async () => {
    const zipped = Uint8Array.from(gzipSync(png));
    const wrongChecksum = zipped.with(-8, (zipped.at(-8) as number) ^ 1);
    const wrongSize = zipped.with(-4, (zipped.at(-4) as number) ^ 1);
    const twice = Uint8Array.of(...zipped, ...zipped);
    const damaged = [wrongChecksum, wrongSize, twice, Uint8Array.of(...zipped, 0)];
    for (const body of [png, zipped.slice(0, 60), zipped.slice(0, -1), ...damaged]) {
      expect(await problemOf('gzip', body)).toMatchObject({ status: 400, code: 'bad_encoding' });
    }
    const stream = Uint8Array.from(zlibSync(png));
    const raw = Uint8Array.from(deflateSync(png));
    for (const body of [
      png,
      zipped,
      stream.slice(0, 60),
      stream.slice(0, -4),
      stream.with(-1, (stream.at(-1) ?? 0) ^ 1),
      new Uint8Array([...stream, 0]),
      raw.slice(0, -1),
      new Uint8Array([...raw, 0]),
    ]) {
      expect(await problemOf('deflate', body)).toMatchObject({ status: 400, code: 'bad_encoding' });
    }
    const large = Uint8Array.from(zlibSync(new Uint8Array(maxBodyBytes + 1)));
    expect(await problemOf('deflate', large)).toMatchObject({ code: 'body_too_large' });
    const empty = Uint8Array.from(gzipSync(new Uint8Array(0)));
    expect(await problemOf('gzip', empty)).toMatchObject({ status: 400, code: 'empty_body' });
  });
});
