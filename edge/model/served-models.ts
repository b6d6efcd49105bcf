/**
 * Finds the model that a request selects, and loads it. The files, in reading order:
 *
 *     served-models.ts   model that a request names, or the Worker's own
 *     followed-model.ts  choice of a request → alias or version; bucket or snapshot (fallback.ts)
 *     alias-follower.ts  alias → version, checked by ETag
 *     model-cache.ts     version → model in memory
 *     load-version.ts    manifest, signature and files of a version
 *     loaded-model.ts    TensorFlow.js model with its weights (weights.ts)
 *     network.ts         steps on the WebAssembly kernels
 *     predict.ts         images → predictions
 */
import { ModelError } from '../errors.ts';
import type { Background, LoadFailure } from './alias-follower.ts';
import {
  type FollowedModel,
  type FollowedModelOptions,
  followModel,
  type ModelReference,
  type NamedAlias,
  type VersionChoice,
} from './followed-model.ts';
import type { LoadedModel } from './loaded-model.ts';
import { type ModelCacheOptions, openModelCache } from './model-cache.ts';

/** The model and the version that a request asks for. */
export interface ModelChoice {
  /** The model's name (default: the Worker's own). */
  model?: string | undefined;
  choice: VersionChoice;
}

export interface Served {
  model: LoadedModel;
  alias: NamedAlias | null;
  /** Whether the deployment's snapshot answers, because the bucket can't. */
  isSnapshot: boolean;
}

/** The models that the Worker answers with. */
export interface ServedModels {
  /**
   * Finds the version that answers, and loads it if it is not in memory.
   *
   * @throws {ModelError | StoreError} `model_not_found`, `no_model`, `bad_model`, `alias_not_found`, `version_not_found`, `busy`
   */
  resolve(choice: ModelChoice, background: Background): Promise<ModelReference>;
  /**
   * Runs the synchronous function `use` on the model.
   *
   * @throws {ModelError | StoreError} if the model has left memory and can't be loaded again
   */
  withModel<Result>(reference: ModelReference, use: (served: Served) => Result): Promise<Result>;
  /** Polls the default and the canary alias of the Worker's own model now. Never rejects. */
  poll(background: Background): Promise<void>;
  /** Why the default and the canary alias of a model can't be served. `null`: no failure. */
  failures(name?: string): { alias: string; failure: LoadFailure | null }[];
  /** The versions of a model in memory, the least recently used first. */
  versions(name?: string): string[];
  /** All models in memory, the least recently used first. */
  inMemory(): { name: string; version: string }[];
  /** Whether the Worker serves a model, if its bucket has it. */
  mayServe(name: string): boolean;
  /** @throws {ModelError} `model_not_found` if the Worker may not serve the model */
  checkServed(name: string): void;
}

export interface ServedModelsOptions
  extends ModelCacheOptions,
    Omit<FollowedModelOptions, 'models' | 'keepInMemory' | 'aliasMissing' | 'snapshot'> {
  /** The version that the deployment carries (default: none). */
  snapshot?: FollowedModelOptions['snapshot'];
  /** Whether the Worker also serves this model of its bucket (default: none). */
  mayServe?: (name: string) => boolean;
}

/** Models that are followed because a request named them. The least recently used one goes first. */
const maxOtherModels = 256;

/** Serves the Worker's own model, and others of its bucket, which are followed only while requests name them. */
export function serveModels(options: ServedModelsOptions): ServedModels {
  const { name: own } = options;
  const mayServe = (name: string) => name === own || (options.mayServe?.(name) ?? false);
  const models = openModelCache(options);
  const main = followModel({
    ...options,
    snapshot: options.snapshot ?? null,
    models,
    keepInMemory: true,
    aliasMissing: () => {
      const detail = `The alias ${options.alias} of ${own} does not exist. Train and publish a model first: npm start does both.`;
      return new ModelError('no_model', detail);
    },
  });
  // The least recently used comes first.
  const others = new Map<string, FollowedModel>();
  const opening = new Map<string, FollowedModel>();

  const follow = (name: string) =>
    followModel({
      ...options,
      name,
      models,
      canary: null,
      snapshot: null,
      keepInMemory: false,
      aliasMissing: () =>
        new ModelError(
          'model_not_found',
          `The bucket has no model ${name} with the alias ${options.alias}.`,
        ),
    });

  function checkServed(name: string): void {
    if (mayServe(name)) return;
    throw new ModelError(
      'model_not_found',
      `This Worker does not serve the model ${name}. It serves ${own}, and those that its variable MODELS allows.`,
    );
  }

  async function resolveOther(
    name: string,
    choice: VersionChoice,
    background: Background,
  ): Promise<ModelReference> {
    checkServed(name);
    const model = others.get(name) ?? opening.get(name) ?? follow(name);
    if (!others.has(name)) opening.set(name, model);
    try {
      const reference = await model.resolve(choice, background);
      // A name without a model must not evict another one, so it is added only now.
      others.delete(name);
      others.set(name, model);
      const [oldest] = others.keys();
      if (others.size > maxOtherModels && oldest !== undefined) others.delete(oldest);
      return reference;
    } finally {
      opening.delete(name);
    }
  }

  return {
    resolve: async ({ model = own, choice }, background) =>
      model === own ? main.resolve(choice, background) : resolveOther(model, choice, background),
    withModel: ({ from, version, alias, isSnapshot }, use) =>
      models.withModel(from, version, (model) => use({ model, alias, isSnapshot }), {
        waits: true,
      }),
    poll: (background) => main.poll(background),
    failures: (name = own) => (name === own ? main : others.get(name))?.failures() ?? [],
    versions: (name = own) =>
      models.inMemory().flatMap((each) => (each.name === name ? [each.version] : [])),
    inMemory: models.inMemory,
    mayServe,
    checkServed,
  };
}
