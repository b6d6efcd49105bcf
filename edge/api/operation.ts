import type * as z from 'zod/mini';
import type { ProblemCode } from '../errors.ts';

type Schema = z.core.$ZodType;

/** A value in the path, the query or a header. */
export interface Parameter {
  schema: Schema;
  description: string;
  example?: string | number;
}

/** A body of one media type: JSON has a schema; anything else is bytes. */
export interface Content {
  schema?: Schema;
  description?: string;
  example?: unknown;
}

export interface Answer {
  description: string;
  /** By media type; none where the answer has no body. */
  content?: Record<string, Content>;
}

/** One method of one path, as the OpenAPI document, /docs and the typed client show it. */
export interface Operation {
  method: 'get' | 'post';
  /** With `{name}` for each of `path`. */
  path: `/${string}`;
  /** A name for generated code, such as predictIndex; no other operation's. */
  id: string;
  /** The heading that it stands under. */
  tag: string;
  summary: string;
  description?: string;
  parameters?: Partial<Record<'path' | 'query' | 'header', Record<string, Parameter>>>;
  /** By media type; one of them has to come. */
  body?: Record<string, Content>;
  /** By status, without those of `problems`. */
  answers: Record<number, Answer>;
  /** What can be wrong besides `internal_error` and, where a path has one method, `method_not_allowed`. */
  problems: readonly ProblemCode[];
  /** Where errors have another protocol's shape instead of application/problem+json. */
  problemSchema?: Schema;
  /** Where bearer tokens are configured, one is needed. */
  takesToken?: boolean;
  /** Answered only where a variable says so: which one, and how. */
  onlyWhere?: string;
  /** What `curl` is called with after the Worker's address and path, such as `?index=0`. */
  curl: string;
}

/** Checks an operation and keeps its exact type, which the typed client is made of. */
export const operation = <const Of extends Operation>(definition: Of): Of => definition;
