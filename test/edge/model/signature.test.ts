import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../edge/configuration.ts';
import { openBucket, type PublishOptions, type TestBucket } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { later, lookAgain, versionOf } from '../../support/edge/serving.ts';

const ours = await newKey();
const another = await newKey();

async function newKey() {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair;
  const der = (await crypto.subtle.exportKey('spki', pair.publicKey)) as ArrayBuffer;
  const base64 = btoa(String.fromCharCode(...new Uint8Array(der)));
  const pem = `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;
  return { signingKey: pair.privateKey, base64, pem };
}

/** A Worker that serves a first version, which our key signed. */
async function servingSigned(MODEL_PUBLIC_KEY: string) {
  const bucket = openBucket();
  await bucket.uploadTestSet();
  const first = await bucket.publish('one', { signingKey: ours.signingKey });
  await bucket.moveAlias(first, 'production', ours);
  const app = openApp(bucket, {}, { MODEL_PUBLIC_KEY });
  expect(await versionOf(app)).toBe(first);
  return { bucket, first, app };
}

async function alter({ bucket, layout }: TestBucket, version: string): Promise<void> {
  const key = layout.manifest('fashion-mnist-cnn', version);
  const text = await (await bucket.get(key))?.text();
  await bucket.put(key, text?.replace('"accuracy":0.1', '"accuracy":0.9') ?? '');
}

describe('a Worker with a public key', () => {
  it.each([
    ['PEM', ours.pem],
    ['base64', ours.base64],
    ['two PEMs', another.pem + ours.pem],
    ['PEM whose line breaks are lost', ours.pem.replaceAll('\n', ' ')],
  ])('serves a version that its key signed: %s', async (_, key) => {
    const { bucket, app } = await servingSigned(key);
    const second = await bucket.publish('two', { createdAt: later, signingKey: ours.signingKey });
    await bucket.moveAlias(second, 'production', ours);
    await lookAgain(app);
    expect(await versionOf(app)).toBe(second);
  });

  it.each<[string, PublishOptions, (bucket: TestBucket, version: string) => unknown, string]>([
    ['nobody signed', {}, () => {}, 'is not signed'],
    ['another key signed', { signingKey: another.signingKey }, () => {}, 'by another key'],
    ['was altered', { signingKey: ours.signingKey }, alter, 'altered'],
  ])('keeps serving the old version if the new one %s', async (_, options, change, cause) => {
    const { bucket, first, app } = await servingSigned(ours.pem);
    const second = await bucket.publish('two', { createdAt: later, ...options });
    await change(bucket, second);
    await bucket.moveAlias(second, 'production', ours);
    await lookAgain(app);
    expect(await versionOf(app)).toBe(first);
    const { failure } = await app.json('/readyz');
    expect(failure).toMatchObject({ version: second, code: 'bad_model' });
    expect(failure.detail).toContain(cause);
  });

  const signedAt = (updatedAt: string) => ({ updatedAt, ...ours });

  it('follows only an alias that its key signed', async () => {
    const { bucket, first, app } = await servingSigned(ours.pem);
    const second = await bucket.publish('two', { createdAt: later, signingKey: ours.signingKey });
    const failing = async (...alias: Parameters<TestBucket['moveAlias']>) => {
      await bucket.moveAlias(...alias);
      await lookAgain(app);
      expect(await versionOf(app)).toBe(first);
      return (await app.json('/readyz')).failure;
    };
    expect(await failing(second)).toMatchObject({
      code: 'bad_model',
      detail: expect.stringContaining(`is not signed, but this Worker follows only signed aliases`),
    });
    const other = await failing(second, 'production', another);
    expect(other.detail).toContain('by another key');
    // A record of another alias.
    await bucket.moveAlias(second, 'candidate', ours);
    const key = (alias: string) => bucket.layout.alias('fashion-mnist-cnn', alias);
    const record = await (await bucket.bucket.get(key('candidate')))?.text();
    await bucket.bucket.put(key('production'), record ?? '');
    await lookAgain(app);
    expect(await versionOf(app)).toBe(first);
  });

  it('refuses an older record of the alias, and accepts a rollback', async () => {
    const { bucket, first, app } = await servingSigned(ours.pem);
    const second = await bucket.publish('two', { createdAt: later, signingKey: ours.signingKey });
    await bucket.moveAlias(second, 'production', signedAt('2026-11-24T11:00:00Z'));
    await lookAgain(app);
    expect(await versionOf(app)).toBe(second);
    await bucket.moveAlias(first, 'production', signedAt('2026-11-24T10:15:00Z'));
    await lookAgain(app);
    expect(await versionOf(app)).toBe(second);
    expect((await app.json('/readyz')).failure.detail).toContain('an old file was restored');
    await bucket.moveAlias(first, 'production', signedAt('2026-11-24T12:00:00Z'));
    await lookAgain(app);
    expect(await versionOf(app)).toBe(first);
  });

  it('does not start with an invalid key', () => {
    for (const MODEL_PUBLIC_KEY of ['secret', ours.base64.slice(4), btoa('x'.repeat(44))]) {
      expect(() => parseConfiguration({ MODEL_PUBLIC_KEY })).toThrow(/MODEL_PUBLIC_KEY/);
    }
  });
});

it('a Worker without one serves signed and unsigned versions', async () => {
  const { bucket, app } = await servingSigned('');
  const second = await bucket.publish('two', { createdAt: later });
  await bucket.moveAlias(second, 'production', ours);
  await lookAgain(app);
  expect(await versionOf(app)).toBe(second);
});
