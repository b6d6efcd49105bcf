import { generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../trainer/registry/errors.ts';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { readSigningKey } from '../../../trainer/registry/signature.ts';
import { listStored } from '../../../trainer/registry/versions.ts';
import { makeModel, name } from '../../support/models/small-versions.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

describe('a signature', () => {
  const ours = generateKeyPairSync('ed25519');
  const another = generateKeyPairSync('ed25519');

  it('covers the exact bytes of the manifest, and can be added later', async () => {
    const bucket = openLocalBucket();
    const model = makeModel(0.9);
    const { version } = await publishVersion(bucket, model);
    expect((await listStored(bucket, name))[0]?.signed).toBe(false);
    const signed = await publishVersion(bucket, { ...model, signingKey: ours.privateKey });
    expect(signed.version).toBe(version);
    const manifest = await bucket.get(bucket.layout.manifest(name, version));
    const signature = await bucket.get(bucket.layout.signature(name, version));
    if (!manifest || !signature) throw new Error('One of them is absent.');
    expect(verify(null, manifest.bytes, ours.publicKey, signature.bytes)).toBe(true);
    expect(verify(null, manifest.bytes, another.publicKey, signature.bytes)).toBe(false);
    const again = publishVersion(bucket, { ...model, signingKey: another.privateKey });
    await expect(again).rejects.toThrow(RegistryError);
  });

  it('needs a valid private key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catwalk-keys-'));
    const file = join(folder, 'key.pem');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    for (const [pem, cause] of [
      [null, "can't be read"],
      ['my secret', 'is not a private key'],
      [ours.publicKey.export({ type: 'spki', format: 'pem' }), 'is not a private key'],
      [rsa.export({ type: 'pkcs8', format: 'pem' }), 'rsa'],
    ] as const) {
      if (pem) await writeFile(file, pem);
      const error = await readSigningKey(file).catch((reason) => reason);
      expect(error).toBeInstanceOf(RegistryError);
      expect(error.message).toContain(cause);
      expect(error.message).not.toContain('my secret');
    }
    await writeFile(file, ours.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect((await readSigningKey(file)).asymmetricKeyType).toBe('ed25519');
    await rm(folder, { recursive: true });
  });
});
