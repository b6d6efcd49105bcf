/** The keys of everything in the bucket. `prefix` is empty or ends with a slash. */
export function bucketLayout(prefix = '') {
  return {
    models: () => `${prefix}models/`,
    /** Written and deleted by `catwalk doctor`. */
    doctor: (id: string) => `${prefix}doctor/${id}.json`,
    versions: (name: string) => `${prefix}models/${name}/versions/`,
    versionFile: (name: string, version: string, file: string) =>
      `${prefix}models/${name}/versions/${version}/${file}`,
    manifest: (name: string, version: string) =>
      `${prefix}models/${name}/versions/${version}/manifest.json`,
    /** The manifest's Ed25519 signature, 64 bytes. */
    signature: (name: string, version: string) =>
      `${prefix}models/${name}/versions/${version}/manifest.json.sig`,
    aliases: (name: string) => `${prefix}models/${name}/aliases/`,
    alias: (name: string, alias: string) => `${prefix}models/${name}/aliases/${alias}.json`,
    feedbacks: (name: string) => `${prefix}feedback/${name}/`,
    feedbackDay: (name: string, date: string) => `${prefix}feedback/${name}/${date}/`,
    feedback: (name: string, { date, id, label, client }: FeedbackKey) =>
      `${prefix}feedback/${name}/${date}/${id}-${label}${client === undefined ? '' : `-${client}`}.json`,
    checkpoint: (slot: string) => `${prefix}checkpoint/${slot}`,
    sweep: (sweep: string) => `${prefix}sweeps/${sweep}/sweep.json`,
    trials: (sweep: string) => `${prefix}sweeps/${sweep}/trials/`,
    trialFile: (sweep: string, trial: number, file: string) =>
      `${prefix}sweeps/${sweep}/trials/${trial}/${file}`,
    /**
     * The file of a test set. `hash` identifies its content. Without it: dataset.json, which names the served test set, and the
     * files of a test set that an older trainer uploaded.
     */
    datasetFile: (dataset: string, file: DatasetFile, hash?: string) =>
      `${prefix}datasets/${dataset}/${hash === undefined ? '' : `${hash}/`}${file}`,
  };
}

/** The identity of an annotation. A client's second one for the same image and label on the same day is not stored. */
export interface FeedbackKey {
  /** yyyy-mm-dd */
  date: string;
  /** The prediction's id, without its signature. */
  id: string;
  /** The id of the true label. */
  label: number;
  /** The name of the client's token, if the Worker has tokens. */
  client?: string | undefined;
}

export type DatasetFile = 'test-images.idx' | 'test-labels.idx' | 'dataset.json';
export type BucketLayout = ReturnType<typeof bucketLayout>;
