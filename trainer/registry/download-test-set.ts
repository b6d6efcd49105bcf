import { hash } from 'node:crypto';
import type { DatasetInfo } from '../../shared/registry/manifest.ts';
import type { ImageSet } from '../data/dataset.ts';
import { parseImageSet } from '../data/parse-dataset.ts';
import type { Bucket } from './bucket.ts';
import { CorruptVersionError } from './errors.ts';

/**
 * Downloads the images and labels of a test set in the bucket, and checks them against its description.
 *
 * @throws {CorruptVersionError} if a file is missing or has another SHA-256
 */
export async function downloadTestSet(bucket: Bucket, info: DatasetInfo): Promise<ImageSet> {
  const { name } = info;
  const key = bucket.layout.datasetFile(name, 'dataset.json', info.hash);
  const read = async (file: 'test-images.idx' | 'test-labels.idx') => {
    const stored = await bucket.get(bucket.layout.datasetFile(name, file, info.hash));
    const expected = info.files.find(({ path }) => path === file)?.sha256;
    const found = stored && hash('sha256', stored.bytes);
    if (stored && found === expected) return stored.bytes;
    throw new CorruptVersionError(
      `${file} of ${name} in ${bucket.url} ${stored ? `has SHA-256 ${found}, but ${key} expects ${expected}` : 'is missing'}. Upload it again with \`catwalk data upload\`.`,
    );
  };
  const images = await read('test-images.idx');
  return parseImageSet('test', info, images, await read('test-labels.idx'));
}
