import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBucket } from '../../trainer/registry/bucket.ts';
import { StepError } from '../process/run-program.ts';
import { buildSnapshot } from '../snapshot/folders.ts';
import { writeSnapshot } from '../snapshot/write-snapshot.ts';
import { runCommand } from './commands.ts';
import type { UploadTarget } from './upload-target.ts';

export interface RefreshOptions {
  /** The bucket's s3:// URL, with its prefix. */
  bucketUrl: string;
  /** How to read the bucket over S3. `null`: without keys, with wrangler. */
  target: UploadTarget | null;
  /** Wrangler's arguments for this environment and jurisdiction. */
  wranglerArguments: string[];
  environment: NodeJS.ProcessEnv;
  /** The Worker's variables. */
  variables: Record<string, string>;
}

/**
 * Copies the version that the bucket's default alias names, and the first test images, to the static assets. If the bucket has no
 * such alias or can't be read, copies the starter model instead.
 *
 * @returns what happened, as a message for people
 */
export async function refreshSnapshot(options: RefreshOptions): Promise<string> {
  const { bucketUrl, target, variables } = options;
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-snapshot-'));
  try {
    const version = await writeSnapshot({
      read: target ? overS3(bucketUrl, target) : withWrangler(options, folder),
      prefix: variables.BUCKET_PREFIX ?? '',
      model: variables.MODEL_NAME || 'fashion-mnist-cnn',
      alias: variables.MODEL_ALIAS || 'production',
      dataset: variables.DATASET_NAME || 'fashion-mnist',
      folder: join(folder, 'snapshot'),
    });
    await buildSnapshot(version === null ? undefined : join(folder, 'snapshot'));
    return version === null
      ? 'The bucket has no model yet: the deployment carries the starter model'
      : `The deployment carries ${version}, which answers if the bucket does not`;
  } catch (error) {
    await buildSnapshot();
    return `The deployment carries the starter model, because the bucket could not be read: ${(error as Error).message}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function overS3(url: string, { options, environment }: UploadTarget) {
  const { values } = parseArgs({
    args: options,
    options: {
      endpoint: { type: 'string' },
      region: { type: 'string' },
      'path-style': { type: 'string' },
    },
  });
  const { 'path-style': pathStyle, ...named } = values;
  const style = pathStyle === undefined ? {} : { pathStyle: pathStyle === 'true' };
  const bucket = openBucket({ url, ...named, ...style, environment });
  return async (key: string) => (await bucket.get(key))?.bytes ?? null;
}

function withWrangler(
  { bucketUrl, wranglerArguments, environment }: RefreshOptions,
  folder: string,
) {
  const { hostname: bucket } = new URL(bucketUrl);
  return async (key: string): Promise<Uint8Array | null> => {
    const file = join(folder, 'object');
    const object = ['r2', 'object', 'get', `${bucket}/${key}`, '--remote', '--file', file];
    try {
      await runCommand('wrangler', [...object, ...wranglerArguments], environment);
      return await readFile(file);
    } catch (error) {
      if (error instanceof StepError && /key does not exist/.test(error.output)) return null;
      throw error;
    }
  };
}
