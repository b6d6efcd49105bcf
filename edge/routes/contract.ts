import * as z from 'zod/mini';
import { aliasNameSchema, modelNameSchema, versionSchema } from '../../shared/model/names.ts';
import { type ProblemCode, problems } from '../errors.ts';

type Schema = z.core.$ZodType;

/** A value in the path, the query or a header. */
export interface Parameter {
  schema: Schema;
  description: string;
  example?: string | number;
}

/** A body of one media type. JSON has a schema, anything else is bytes. */
export interface Content {
  schema?: Schema;
  description?: string;
  example?: unknown;
}

export interface Answer {
  description: string;
  /** By media type. Missing if the answer has no body. */
  content?: Record<string, Content>;
}

/** The contract of a route, from which the OpenAPI document, /docs and the typed client derive. */
export interface Contract {
  /** A unique name for generated code, such as `predictIndex`. */
  id: string;
  /** The heading in /docs. */
  tag: string;
  summary: string;
  description?: string;
  parameters?: Partial<Record<'path' | 'query' | 'header', Record<string, Parameter>>>;
  /** By media type. A request needs one of them. */
  body?: Record<string, Content>;
  /** By status, without the statuses of `problems`. */
  answers: Record<number, Answer>;
  /** Codes of errors, in addition to `bad_parameter`, which every route's query may cause, `internal_error` and `method_not_allowed`. */
  problems: readonly ProblemCode[];
  /** The route needs a bearer token if the Worker has tokens configured. */
  takesToken?: boolean;
  /** Schemas that get a name in the OpenAPI document. */
  schemas?: Record<string, Schema>;
  /** Arguments of the `curl` example, directly after the address and the path: `?index=0`. */
  curl?: string;
}

const codes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]];

export const problemCodeSchema = z.enum(codes);

/** The body of an error response (RFC 9457). */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int().check(z.minimum(400), z.maximum(599)),
  detail: z.string(),
  /** The stable identifier that programs compare. */
  code: problemCodeSchema,
  /** The request id, as in X-Request-Id and in the log. Missing if the problem belongs to one image of several. */
  instance: z.optional(z.string()),
});

/** The query parameter that names one of the models that the Worker serves. */
export const modelParameter = {
  schema: z.optional(modelNameSchema),
  description:
    "The model (default: the Worker's own). The variable MODELS says which others are served.",
};

/** Query parameters and headers that select the model. Every route that runs or shows a model accepts them. */
export const modelSelectors = {
  query: {
    model: modelParameter,
    version: {
      schema: z.optional(versionSchema),
      description: 'Selects this version, whatever the aliases point to.',
    },
    alias: {
      schema: z.optional(aliasNameSchema),
      description: 'Selects the version that this alias points to.',
    },
  },
  header: {
    'X-Catwalk-Alias': {
      schema: z.optional(aliasNameSchema),
      description: 'Same as `alias`, if the query has neither `alias` nor `version`.',
    },
    'X-Catwalk-Client': {
      schema: z.optional(z.string()),
      description:
        'Identifies the client. If a canary answers a share of the clients, the same client always gets the same model.',
    },
  },
} as const;

export const modelProblems = [
  'model_not_found',
  'alias_not_found',
  'version_not_found',
  'no_model',
  'bad_model',
  'store_failed',
] as const;

export const testSetProblems = ['index_out_of_range', 'no_dataset', 'bad_dataset'] as const;

/** Errors of a body with an image. */
export const imageProblems = [
  'empty_body',
  'bad_encoding',
  'bad_json',
  'body_timeout',
  'body_too_large',
  'busy',
  'image_too_large',
  'unsupported_encoding',
  'unsupported_image',
  'bad_image',
  'bad_pixels',
] as const;

export const tokenProblems = ['unauthorized', 'too_many_requests'] as const;
