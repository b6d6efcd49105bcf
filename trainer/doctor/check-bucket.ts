import { openBucket } from '../publish/bucket.ts';
import { bucketLocation } from '../publish/bucket-location.ts';
import { type Check, messageOf } from './check.ts';

/** Reads the bucket and writes one small object, doctor.json, which nothing reads. */
export const checkBucket: Check = async ({ publish }) => {
  const name = 'bucket';
  if (publish === undefined) {
    const { AWS_ACCESS_KEY_ID, AWS_PROFILE } = process.env;
    const hasCredentials = AWS_ACCESS_KEY_ID || AWS_PROFILE;
    const detail = `not tried${hasCredentials ? '; AWS credentials are set' : ''} (--publish s3://bucket tries it)`;
    return [{ name, status: 'ok', detail }];
  }
  try {
    const bucket = openBucket({ url: publish });
    const { prefix, endpoint } = bucketLocation({ url: publish }, process.env);
    await bucket.list(`${prefix}models/`);
    const bytes = new TextEncoder().encode(`${JSON.stringify({ checkedAt: new Date() })}\n`);
    await bucket.put(`${prefix}doctor.json`, bytes, { contentType: 'application/json' });
    const detail = `${publish} at ${endpoint ?? 'AWS'} can be read and written`;
    return [{ name, status: 'ok', detail }];
  } catch (error) {
    const advice = 'The bucket and its credentials: docs/publish.md';
    return [{ name, status: 'fail', detail: messageOf(error), advice }];
  }
};
