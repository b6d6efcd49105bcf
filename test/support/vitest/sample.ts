import { inject } from 'vitest';

/** Returns all cases in mode `whole`, otherwise the first ones: put those first that differ most. */
export const sample = <Case>(cases: Case[], count: number): Case[] =>
  inject('whole') ? cases : cases.slice(0, count);
