import { expect } from 'vitest';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import type { ObjectStore } from '../../../shared/registry/object-store.ts';
import { openBucket, type TestBucket } from './bucket.ts';
import { openApp, type TestApp } from './open-app.ts';

/** A Worker that serves a first version, its clock at 0. */
export async function serving() {
  const bucket = openBucket();
  await bucket.uploadTestSet();
  const first = await bucket.publish('one');
  await bucket.moveAlias(first);
  const app = openApp(bucket);
  expect(await versionOf(app)).toBe(first);
  return { bucket, first, app };
}

/** A bucket with a first version as production and a second as candidate. */
export async function withCandidate() {
  const bucket = openBucket();
  await bucket.uploadTestSet();
  const first = await bucket.publish('one');
  const second = await bucket.publish('two', { createdAt: later });
  await bucket.moveAlias(first);
  await bucket.moveAlias(second, 'candidate');
  return { bucket, first, second };
}

/** @returns the version that answers */
export const versionOf = async (app: TestApp) =>
  (await app.json('/predict?index=0')).model?.version;

/** Makes the Worker poll the alias: a request after the poll interval starts it in the background. */
export async function lookAgain(app: TestApp, milliseconds = 2000) {
  app.passTime(milliseconds);
  await app.request('/readyz');
}

/** A second version's time, after that of the first. */
export const later = new Date('2026-11-24T10:20:00Z');

/** The bucket as a store that records its requests. */
export function counting({ bucket }: TestBucket, gets: string[]): ObjectStore {
  const store = r2ObjectStore(bucket);
  return {
    get: (key, options) => {
      gets.push(key);
      return store.get(key, options);
    },
    getIfChanged: (key, etag) => {
      gets.push(`${key} if changed`);
      return store.getIfChanged(key, etag);
    },
    getRange: (key, offset, length) => {
      gets.push(`${key} from ${offset}`);
      return store.getRange(key, offset, length);
    },
    list: (prefix) => {
      gets.push(`list ${prefix}`);
      return store.list(prefix);
    },
    putIfAbsent: store.putIfAbsent,
  };
}
