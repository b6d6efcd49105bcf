import { beforeAll, describe, expect, it } from 'vitest';
import { modelListSchema } from '../../../shared/registry/model-list.ts';
import { openBucket, type TestBucket } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { counting, later, withCandidate } from '../../support/edge/serving.ts';

let bucket: TestBucket;
let first: string;
let second: string;
beforeAll(async () => {
  ({ bucket, first, second } = await withCandidate());
});

describe('GET /models', () => {
  it('lists the versions, newest first, and the aliases', async () => {
    const app = openApp(bucket);
    const list = await app.json('/models');
    expect(modelListSchema.parse(list)).toEqual(list);
    expect(list).toEqual({
      name: 'fashion-mnist-cnn',
      versions: [
        {
          version: second,
          createdAt: later.toISOString(),
          metrics: { accuracy: 0.1, loss: 2.3 },
          aliases: ['candidate'],
        },
        {
          version: first,
          createdAt: '2026-11-24T10:15:00.000Z',
          metrics: { accuracy: 0.1, loss: 2.3 },
          aliases: ['production'],
        },
      ],
      aliases: [
        { name: 'candidate', version: second, updatedAt: '2026-11-24T10:15:00Z', previous: null },
        { name: 'production', version: first, updatedAt: '2026-11-24T10:15:00Z', previous: null },
      ],
      truncated: false,
    });
  });

  it('leaves out unfinished versions, and reads the bucket once per interval', async () => {
    const growing = openBucket();
    const gets: string[] = [];
    const app = openApp(growing, { store: counting(growing, gets) });
    expect(await app.json('/models')).toMatchObject({
      versions: [],
      aliases: [],
      truncated: false,
    });
    await growing.publish('one', { withoutManifest: true });
    const whole = await growing.publish('two');
    await growing.moveAlias(whole);
    expect((await app.json('/models')).versions).toEqual([]);
    app.passTime(2000);
    expect(await app.json('/models')).toMatchObject({
      versions: [{ version: whole, aliases: ['production'] }],
    });
    gets.length = 0;
    await app.json('/models');
    expect(gets).toEqual([]);
    app.passTime(2000);
    await app.json('/models');
    // Versions are immutable.
    expect(gets.filter((key) => key.includes(whole))).toEqual([]);
  });

  it('returns the newest 20, and says that there are more', async () => {
    const many = openBucket();
    const last = '20260101T000000Z-00000000';
    for (let i = 0; i < 25; i++) {
      const version = `20250101T0000${String(i).padStart(2, '0')}Z-00000000`;
      await many.bucket.put(many.layout.manifest('fashion-mnist-cnn', version), '{}');
    }
    await many.bucket.put(many.layout.manifest('fashion-mnist-cnn', last), '{}');
    const { versions, truncated } = await openApp(many).json('/models');
    expect(truncated).toBe(true);
    expect(versions).toHaveLength(20);
    // They are corrupt here, and listed as such.
    expect(versions[0]).toEqual({ version: last, createdAt: null, metrics: null, aliases: [] });
  });
});
