import type { Context } from 'hono';
import type { KeptLogits } from './answer/kept-logits.ts';
import type { TestSet } from './dataset/test-set.ts';
import type { AliasFollower } from './model/alias-follower.ts';

/** What the routes work with. */
export interface Collaborators {
  follower: AliasFollower;
  testSet: TestSet;
  keptLogits: KeptLogits;
  /** @returns a number from 0 to below 1 */
  random: () => number;
}

declare module 'hono' {
  /** What a request's context carries. */
  interface ContextVariableMap {
    requestId: string;
  }
}

export type AppContext = Context;
