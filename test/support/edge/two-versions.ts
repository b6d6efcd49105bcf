import { expect } from 'vitest';
import { openBucket } from './bucket.ts';
import { type Answer, openApp } from './open-app.ts';
import { later } from './serving.ts';

/** A Worker whose bucket has two versions: `first` has the alias production, and `second` the alias candidate. */
export async function openTwoVersions() {
  const bucket = openBucket();
  const first = await bucket.publish('one');
  const second = await bucket.publish('two', { createdAt: later });
  await bucket.moveAlias(first);
  await bucket.moveAlias(second, 'candidate');
  const app = openApp(bucket);

  /** Sends a request, whose answer must be JSON. Text is sent as it is, and other bodies as JSON. */
  async function call(method: string, path: string, body?: unknown) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await app.request(path, {
      method,
      ...(body === undefined ? {} : { body: text }),
    });
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer = (await response.json()) as Answer;
    return { status: response.status, answer, headers: response.headers };
  }

  return { bucket, app, call, first, second };
}

export type TwoVersions = Awaited<ReturnType<typeof openTwoVersions>>;

/** The numbers that TensorFlow Serving's API gives the two versions. */
export const numberOne = '20261124101500';
export const numberTwo = '20261124102000';
