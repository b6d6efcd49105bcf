import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bucket } from '../../../trainer/registry/bucket.ts';

export const binary = { contentType: 'application/octet-stream' };

/** The prefix of a local bucket's keys. */
export const prefixOf = ({ url }: Bucket): string => `${url.split('/')[3]}/`;

/** Uploads a folder's files under a prefix. */
export async function uploadFolder(bucket: Bucket, folder: string, prefix: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await bucket.put(`${prefix}${path.slice(folder.length + 1)}`, await readFile(path), binary);
  }
}
