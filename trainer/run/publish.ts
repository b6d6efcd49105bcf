import { isDeepStrictEqual } from 'node:util';
import { type Manifest, metricsSchema, type WeightType } from '../../shared/registry/manifest.ts';
import { readAlias, userAtHost } from '../registry/aliases.ts';
import type { Bucket } from '../registry/bucket.ts';
import { type AliasMoveResult, type Gate, moveAlias, weightsOf } from '../registry/move-alias.ts';
import { publishVersion } from '../registry/publish-version.ts';
import { readSigningKey } from '../registry/signature.ts';
import { readTestSetOf, storeTestSet } from '../registry/test-set.ts';
import { readManifest } from '../registry/versions.ts';
import { readRun } from './read-run.ts';
import type { RunFolder } from './run-folder.ts';
import type { RunConfig, RunEpoch } from './run-records.ts';

export interface Publication {
  manifest: Manifest;
  /** The result of moving the alias; null if none was named. */
  move: AliasMoveResult | null;
}

export interface PublishRunOptions extends Gate {
  /** The alias to point at the version. Without it no alias moves. */
  alias?: string | undefined;
  /** Who moves the alias (default: user@host). */
  by?: string | undefined;
  reason?: string | undefined;
  force?: boolean | undefined;
  /** Path of an Ed25519 private key that signs the manifest. */
  sign?: string | undefined;
  /** Stores the weights as this type, and measures them again (default: as the run has them). */
  dtype?: WeightType | undefined;
  /** The folder of the data set to measure them on (default: the run's source). */
  dataDir?: string | undefined;
  /** Stops measuring. */
  signal?: AbortSignal | undefined;
}

/** Publishes a run's model as a version, and points the alias at it if one is named. */
export async function publishRun(
  bucket: Bucket,
  folder: string,
  { alias, by = userAtHost(), reason, force, sign, dtype, ...options }: PublishRunOptions,
): Promise<Publication> {
  const signingKey = sign === undefined ? undefined : await readSigningKey(sign);
  const run = await readRun(folder);
  const { config, configSha256 } = run;
  const { spec, dataset, parent } = config;
  const model =
    dtype === undefined || dtype === (config.dtype ?? 'float32')
      ? { ...run, metrics: metricsSchema.parse(run.epoch) }
      : await (await import('./stored-as.ts')).storedAs(dtype, run, options);
  const { files, evaluation, metrics, training } = model;
  const measured = { files, evaluation, metrics, training };
  const version = { ...measured, spec, dataset, configSha256, parent, signingKey };
  const manifest = await publishVersion(bucket, version);
  if (alias === undefined) return { manifest, move: null };
  await storeTestSetToCompare(bucket, manifest, alias, config);
  const { tolerance, margin, compareOn } = options;
  const mover = { by, reason, force, tolerance, margin, compareOn, signingKey };
  const { name, version: published } = manifest;
  const replaces = otherEpochs(run.epochs, run.epoch);
  const target = { name, alias, version: published, action: 'publish', replaces } as const;
  return { manifest, move: await moveAlias(bucket, { ...target, ...mover }) };
}

/** The hashes of the weights that the run has had, without those of its model. */
const otherEpochs = (epochs: readonly RunEpoch[], model: RunEpoch): ReadonlySet<string> =>
  new Set(
    epochs
      .map(({ weightsSha256 }) => weightsSha256)
      .filter((weights) => weights !== model.weightsSha256),
  );

/** Returns whether an alias is free for a run's first epochs: there is none, or it names an earlier one of them. */
export async function isAliasFree(
  bucket: Bucket,
  alias: string,
  { config, epochs }: Pick<RunFolder, 'config' | 'epochs'>,
): Promise<boolean> {
  const { name } = config.spec;
  const pointer = await readAlias(bucket, name, alias);
  const current = pointer && (await readManifest(bucket, name, pointer.value.version));
  const own = epochs.map(({ weightsSha256 }) => weightsSha256);
  return !current || own.includes(weightsOf(current));
}

/**
 * Uploads the test set of a version, unserved, if the alias names a version that was tested on another one: both are then measured
 * on it. Without it, the alias stays and the reason says so.
 */
async function storeTestSetToCompare(
  bucket: Bucket,
  manifest: Manifest,
  alias: string,
  { dataset }: RunConfig,
): Promise<void> {
  const pointer = await readAlias(bucket, manifest.name, alias);
  const current = pointer && (await readManifest(bucket, manifest.name, pointer.value.version));
  if (!current || isDeepStrictEqual(current.dataset, manifest.dataset)) return;
  if (await readTestSetOf(bucket, manifest)) return;
  const { openDataset } = await import('../registry/open-dataset.ts');
  const load = openDataset({ dataset: dataset.origin ?? dataset.name, offline: true });
  const loaded = await load.catch(() => null);
  if (!loaded || !isDeepStrictEqual(loaded.files, dataset.files)) return;
  await storeTestSet(bucket, { ...loaded, name: dataset.name });
}
