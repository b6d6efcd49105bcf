import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type ProblemCode, problems } from '../../edge/errors.ts';
import type { OpenApiDocument } from '../../infra/openapi/document.ts';
import type { Operation } from '../../infra/openapi/operations.ts';

/** An answer, read to its end. */
export interface ReadAnswer {
  status: number;
  contentType: string;
  body: Uint8Array;
}

/**
 * Compares answers with an OpenAPI document. It is stricter than the document: a member that the document does not name is a
 * fault.
 *
 * @returns a function that returns the fault of an operation's answer, or `null`
 */
export function answerChecker(document: OpenApiDocument) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'openapi', ...closed(document) });
  const validators = new Map<string, ValidateFunction>();

  function validatorAt(...path: string[]): ValidateFunction {
    const pointer = path.map((part) => encodeURIComponent(part.replaceAll('/', '~1'))).join('/');
    const known = validators.get(pointer);
    if (known) return known;
    const validator = ajv.compile({ $ref: `openapi#/${pointer}` });
    validators.set(pointer, validator);
    return validator;
  }

  return function faultOf(operation: Operation, answer: ReadAnswer): string | null {
    const { path, method } = operation;
    const status = String(answer.status);
    const response = document.paths[path]?.[method]?.responses[status];
    if (response && !response.content) {
      return answer.body.length === 0 ? null : `${status} has a body: ${startOf(answer)}`;
    }
    const content = response?.content;
    if (!content) return `${status} is not documented: ${startOf(answer)}`;
    const type = answer.contentType.split(';')[0] ?? '';
    if (!(type in content)) return `${status} comes as ${type}, not ${Object.keys(content)}`;
    if (!content[type]?.schema) return answer.body.length > 0 ? null : `${status} has no body`;
    const place = ['paths', path, method, 'responses', status, 'content', type, 'schema'];
    const validate = validatorAt(...place);
    const isJson = type === 'application/json' || type.endsWith('+json');
    const body: unknown = isJson ? JSON.parse(textOf(answer)) : textOf(answer);
    if (!validate(body)) {
      return `${status} is not as documented: ${ajv.errorsText(validate.errors)}: ${startOf(answer)}`;
    }
    if (type !== 'application/problem+json') return null;
    const { code } = body as { code: ProblemCode };
    const isNamed = ['bad_parameter', 'internal_error', ...operation.problems].includes(code);
    if (!isNamed && !(answer.status in operation.answers)) {
      return `${code} is not among the operation's problems`;
    }
    return problems[code].status === answer.status ? null : `${code} comes with ${status}`;
  };
}

/** @returns a copy in which objects have no further members */
function closed<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value), (_, part) =>
    part?.type === 'object' && part.properties && !('additionalProperties' in part)
      ? { ...part, additionalProperties: false }
      : part,
  );
}

export async function readAnswer(response: Response): Promise<ReadAnswer> {
  const body = new Uint8Array(await response.arrayBuffer());
  const contentType = response.headers.get('content-type') ?? '';
  return { status: response.status, contentType, body };
}

const textOf = ({ body }: ReadAnswer) => new TextDecoder().decode(body);

/** The start of an answer, for messages. */
const startOf = (answer: ReadAnswer) => textOf(answer).slice(0, 2000);
