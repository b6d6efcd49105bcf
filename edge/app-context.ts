import type { Context } from 'hono';
import type { LogitsCache } from './model/logits-cache.ts';
import type { ModelCatalog } from './model/model-catalog.ts';
import type { ServedModels } from './model/served-models.ts';
import type { TestSet } from './model/test-set.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/** What the routes work with. */
export interface Collaborators {
  modelName: string;
  models: ServedModels;
  catalog: ModelCatalog;
  testSet: TestSet;
  logitsCache: LogitsCache;
  /** The alias that answers whoever asks for nothing else. */
  alias: string;
  telemetry: Telemetry;
  /** @returns a number from 0 to below 1 */
  random: () => number;
  /** Whether predictions have the ids by which POST /feedback knows them. */
  feedback: boolean;
}

declare module 'hono' {
  /** What a request's context carries. */
  interface ContextVariableMap {
    requestId: string;
    /** Whose token it came with, where it came with one. */
    client?: string;
  }
}

export type AppContext = Context;
