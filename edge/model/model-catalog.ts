import { aliasNameSchema, versionSchema } from '../../shared/registry/bucket-layout.ts';
import type { ModelList } from '../../shared/registry/model-list.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, publishedSchemas } from '../store/published.ts';
import { readManifest, type VersionSource } from './read-manifest.ts';

/** What the bucket has of the model, whether it is in memory or not. */
export interface ModelCatalog {
  /** @throws {StoreError} */
  list(): Promise<ModelList>;
  /**
   * @param prefix of a version's name
   * @returns the versions whose names begin with it, oldest first; whether they are whole shows when they are loaded
   * @throws {StoreError}
   */
  versionsLike(prefix: string): Promise<string[]>;
}

export interface ModelCatalogOptions extends VersionSource {
  /** How old an answer may grow. */
  pollMilliseconds: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** An answer takes two reads of the bucket a version, one an alias and two lists: Workers that pay nothing have 50 for all. */
const maxVersions = 20;
const maxAliases = 8;

type Listed = ModelList['versions'][number];
type ListedAlias = ModelList['aliases'][number];

/** Lists the bucket, at most once an interval. */
export function openCatalog(options: ModelCatalogOptions): ModelCatalog {
  const { pollMilliseconds, now, ...source } = options;
  const { store, layout, name } = source;
  let latest: { readAt: number; list: ModelList } | null = null;
  // Manifests never change: each is read once, as long as it is among the newest.
  let known = new Map<string, Listed>();

  async function read(): Promise<ModelList> {
    const [folders, files] = await Promise.all([
      store.list(layout.versions(name)),
      store.list(layout.aliases(name)),
    ]);
    const versions = namesOf(folders, '/', versionSchema).reverse();
    const aliasNames = namesOf(files, '.json', aliasNameSchema);
    const [listed, aliases] = await Promise.all([
      Promise.all(versions.slice(0, maxVersions).map(describe)),
      Promise.all(aliasNames.slice(0, maxAliases).map(readAlias)),
    ]);
    const found = listed.filter((version) => version !== null);
    known = new Map(found.map((version) => [version.version, version]));
    const readable = aliases.filter((alias) => alias !== null);
    return {
      name,
      versions: found.map((version) => ({
        ...version,
        aliases: readable
          .filter((alias) => alias.version === version.version)
          .map(({ name }) => name),
      })),
      aliases: readable,
      truncated: versions.length > maxVersions || aliasNames.length > maxAliases,
    };
  }

  /** A folder without a manifest is no version: it is being published, or was given up. */
  async function describe(version: string): Promise<Listed | null> {
    const before = known.get(version);
    if (before) return before;
    try {
      const { createdAt, metrics } = await readManifest(source, version);
      const { accuracy, loss } = metrics;
      return { version, createdAt, metrics: { accuracy, loss }, aliases: [] };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      if (error.code === 'version_not_found') return null;
      return { version, createdAt: null, metrics: null, aliases: [] };
    }
  }

  /** One that is gone, or can't be read, points nowhere. */
  async function readAlias(alias: string): Promise<ListedAlias | null> {
    const key = layout.alias(name, alias);
    const object = await store.get(key);
    if (object === null) return null;
    const { aliasSchema } = await publishedSchemas();
    try {
      const { version, updatedAt, previous } = parsePublished(
        object.bytes,
        aliasSchema,
        `The alias ${key}`,
      );
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
      namesOf(await store.list(layout.versions(name) + prefix), '/', versionSchema),
  };
}

/** Those of the names that end so, and are of the schema without it. */
function namesOf(
  names: string[],
  end: string,
  schema: typeof versionSchema | typeof aliasNameSchema,
): string[] {
  return names
    .filter((name) => name.endsWith(end))
    .map((name) => name.slice(0, -end.length))
    .filter((name) => schema.safeParse(name).success);
}
