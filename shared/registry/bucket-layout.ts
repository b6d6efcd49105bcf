import * as z from 'zod/mini';

/** Where everything lies in the bucket. `prefix` is '' or ends with '/'. */
export function bucketLayout(prefix = '') {
  return {
    versions: (name: string) => `${prefix}models/${name}/versions/`,
    versionFile: (name: string, version: string, file: string) =>
      `${prefix}models/${name}/versions/${version}/${file}`,
    manifest: (name: string, version: string) =>
      `${prefix}models/${name}/versions/${version}/manifest.json`,
    /** The manifest's Ed25519 signature: its 64 bytes. */
    signature: (name: string, version: string) =>
      `${prefix}models/${name}/versions/${version}/manifest.json.sig`,
    aliases: (name: string) => `${prefix}models/${name}/aliases/`,
    alias: (name: string, alias: string) => `${prefix}models/${name}/aliases/${alias}.json`,
    feedbacks: (name: string) => `${prefix}feedback/${name}/`,
    /** What callers say of predictions; `date` is yyyy-mm-dd, `id` the prediction's, `label` the true one's number. */
    feedback: (name: string, date: string, id: string, label: number) =>
      `${prefix}feedback/${name}/${date}/${id}-${label}.json`,
    checkpoint: (slot: string) => `${prefix}checkpoint/${slot}`,
    sweep: (sweep: string) => `${prefix}sweeps/${sweep}/sweep.json`,
    trials: (sweep: string) => `${prefix}sweeps/${sweep}/trials/`,
    trialFile: (sweep: string, trial: number, file: string) =>
      `${prefix}sweeps/${sweep}/trials/${trial}/${file}`,
    datasetFile: (dataset: string, file: DatasetFile) => `${prefix}datasets/${dataset}/${file}`,
  };
}

export type DatasetFile = 'test-images.idx' | 'test-labels.idx' | 'dataset.json';
export type BucketLayout = ReturnType<typeof bucketLayout>;

/** Names a model in the bucket and in URLs. */
export const modelNameSchema = z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/));

/** `<UTC yyyymmddThhmmssZ>-<first 8 hex digits of the weights' SHA-256>`: sorts by time. */
export const versionSchema = z
  .string()
  .check(z.regex(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/, 'a version looks like 20261124T101500Z-3fa9c1d2'));

/** An alias is a short lower-case name: production, candidate. */
export const aliasNameSchema = z
  .string()
  .check(z.regex(/^[a-z][a-z0-9-]{0,31}$/, 'an alias is lower-case letters, digits and dashes'));

/** @param weightsSha256 64 hex digits */
export function versionOf(createdAt: Date, weightsSha256: string): string {
  const time = createdAt.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${time}-${weightsSha256.slice(0, 8)}`;
}
