import { aliasNameSchema, modelNameSchema, versionSchema } from '../../shared/model/names.ts';
import type { ModelList } from '../../shared/registry/model-list.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, publishedSchemas } from '../store/published.ts';
import { readManifest, type VersionSource } from './read-manifest.ts';

/** The versions and aliases in the bucket, in memory or not. */
export interface ModelCatalog {
  /** @throws {StoreError} */
  list(): Promise<ModelList>;
  /**
   * @param prefix start of a version's name
   * @returns the versions whose names start with it, oldest first. Some may be incomplete
   * @throws {StoreError}
   */
  versionsLike(prefix: string): Promise<string[]>;
}

export interface ModelCatalogOptions extends VersionSource {
  pollMilliseconds: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/** The catalogs of the Worker's own model and of others, and the names of all models in the bucket. */
export interface ModelCatalogs {
  of(name: string): ModelCatalog;
  /** @throws {StoreError} */
  names(): Promise<string[]>;
}

/** Models whose lists are cached. The least recently used goes first. */
const maxCatalogs = 16;

export function openCatalogs(options: ModelCatalogOptions): ModelCatalogs {
  const { store, layout, pollMilliseconds, now } = options;
  // The least recently used comes first.
  const opened = new Map<string, ModelCatalog>();
  let latest: { readAt: number; names: string[] } | null = null;
  return {
    of(name) {
      const catalog = opened.get(name) ?? openCatalog({ ...options, name });
      opened.delete(name);
      opened.set(name, catalog);
      const [oldest] = opened.keys();
      if (opened.size > maxCatalogs && oldest !== undefined) opened.delete(oldest);
      return catalog;
    },
    async names() {
      if (latest && now() - latest.readAt < pollMilliseconds) return latest.names;
      const names = validNames(await store.list(layout.models()), '/', modelNameSchema);
      latest = { readAt: now(), names };
      return names;
    },
  };
}

/**
 * A list costs two reads of the bucket per version, one per alias and two for the names. On the free plan a
 * Worker may send 50 subrequests.
 */
const maxVersions = 20;
const maxAliases = 8;

type Listed = ModelList['versions'][number];
type ListedAlias = ModelList['aliases'][number];

/** Lists the bucket, at most once per poll interval. */
function openCatalog(options: ModelCatalogOptions): ModelCatalog {
  const { store, layout, name, pollMilliseconds, now } = options;
  let latest: { readAt: number; list: ModelList } | null = null;
  let latestNames: { readAt: number; names: string[] } | null = null;
  // Manifests never change, so those of the newest versions are read only once.
  let known = new Map<string, Listed>();

  /** Lists all names at once: a list per requested number would let requests make the Worker list the bucket again and again. */
  async function versionNames(): Promise<string[]> {
    if (latestNames && now() - latestNames.readAt < pollMilliseconds) return latestNames.names;
    const names = validNames(await store.list(layout.versions(name)), '/', versionSchema);
    latestNames = { readAt: now(), names };
    return names;
  }

  async function read(): Promise<ModelList> {
    const [names, files] = await Promise.all([versionNames(), store.list(layout.aliases(name))]);
    const newestFirst = names.toReversed();
    const aliasNames = validNames(files, '.json', aliasNameSchema);
    const [foundVersions, foundAliases] = await Promise.all([
      Promise.all(newestFirst.slice(0, maxVersions).map(describe)),
      Promise.all(aliasNames.slice(0, maxAliases).map(readAlias)),
    ]);
    const versions = foundVersions.filter((version) => version !== null);
    const aliases = foundAliases.filter((alias) => alias !== null);
    known = new Map(versions.map((version) => [version.version, version]));
    const aliasesOf = (version: string) =>
      aliases.filter((alias) => alias.version === version).map((alias) => alias.name);
    return {
      name,
      versions: versions.map((each) => ({ ...each, aliases: aliasesOf(each.version) })),
      aliases,
      truncated: names.length > maxVersions || aliasNames.length > maxAliases,
    };
  }

  /** @returns `null` if there is no manifest: the publication is still running, or was interrupted */
  async function describe(version: string): Promise<Listed | null> {
    const before = known.get(version);
    if (before) return before;
    try {
      const { createdAt, metrics } = await readManifest(options, version);
      const { accuracy, loss } = metrics;
      return { version, createdAt, metrics: { accuracy, loss }, aliases: [] };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      if (error.code === 'version_not_found') return null;
      return { version, createdAt: null, metrics: null, aliases: [] };
    }
  }

  /** @returns `null` if the alias was deleted meanwhile, or is invalid */
  async function readAlias(alias: string): Promise<ListedAlias | null> {
    const key = layout.alias(name, alias);
    const object = await store.get(key);
    if (object === null) return null;
    const { aliasSchema } = await publishedSchemas();
    try {
      const parsed = parsePublished(object.bytes, aliasSchema, `The alias ${key}`);
      const { version, updatedAt, previous } = parsed;
      return { name: alias, version, updatedAt, previous };
    } catch (error) {
      if (error instanceof ModelError) return null;
      throw error;
    }
  }

  return {
    async list() {
      if (latest && now() - latest.readAt < pollMilliseconds) return latest.list;
      const list = await read();
      latest = { readAt: now(), list };
      return list;
    },
    versionsLike: async (prefix) =>
      (await versionNames()).filter((version) => version.startsWith(prefix)),
  };
}

/** Removes `end` from the names that have it, and leaves out those that break the schema. */
function validNames(
  names: string[],
  end: string,
  schema: typeof versionSchema | typeof aliasNameSchema | typeof modelNameSchema,
): string[] {
  return names
    .filter((name) => name.endsWith(end))
    .map((name) => name.slice(0, -end.length))
    .filter((name) => schema.safeParse(name).success);
}
