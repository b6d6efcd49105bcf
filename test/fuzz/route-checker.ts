import { type ProblemCode, problems } from '../../edge/errors.ts';
import { problemSchema } from '../../edge/routes/contract.ts';
import type { OpenApiDocument } from '../../infra/openapi/document.ts';
import { loadOperations, type Operation } from '../../infra/openapi/operations.ts';
import { answerChecker } from '../support/answer-checker.ts';
import type { RouteRequest } from './requests/route-request.ts';
import type { SentAnswer } from './send-request.ts';

const operations = await loadOperations();

const isProtocolPath = (path: string) => /^\/v[12](\/|$)/.test(path);

/** A valid request id of a client (docs/05-http-api.md). */
const saneId = /^[\w.-]{1,64}$/;

/** The protocols answer 400 instead of 422, which they do not define. */
const protocolStatuses = new Set<number>(
  Object.values(problems)
    .map(({ status }) => status as number)
    .filter((status) => status !== 422 && status !== 500),
);

/**
 * @param assets paths of the static assets, as they are asked for
 * @returns a function that returns what is wrong with an answer to any request, `null` if nothing is
 */
export function routeChecker(document: OpenApiDocument, assets: ReadonlySet<string>) {
  const faultOfOperation = answerChecker(document);

  return function faultOf(request: RouteRequest, answer: SentAnswer): string | null {
    const { status } = answer;
    if (status >= 500 && status !== 503) return `answered ${status}: ${textOf(answer)}`;
    if (answer.headers['x-request-id'] === undefined) {
      if (isRefused(request.target, answer)) return null;
      return assets.has(assetOf(request.target))
        ? faultOfAsset(request.method, answer)
        : `answered without an X-Request-Id: ${describe(answer)}`;
    }
    return faultOfId(request, answer) ?? faultOfRoute(pathOf(request.target), request, answer);
  };

  function faultOfRoute(path: string, request: RouteRequest, answer: SentAnswer): string | null {
    const { method } = request;
    const there = operations.filter((each: Operation) => patternOf(each.path).test(path));
    if (isProtocolPath(path) || there.length > 0) {
      if (method === 'OPTIONS') return faultOfOptions(answer);
    }
    if (isProtocolPath(path)) return faultOfProtocol(method, answer);
    const wanted = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = there.find((each) => each.method === wanted);
    if (operation) {
      return method === 'HEAD'
        ? faultOfHead(operation, answer)
        : faultOfOperation(operation, answer);
    }
    if (there.length === 0) return faultOfProblem('not_found', method, answer);
    return answer.headers.allow
      ? faultOfProblem('method_not_allowed', method, answer)
      : '405 has no Allow';
  }

  /** Checks the answer to HEAD: that of GET, without its body. */
  function faultOfHead({ path, method }: Operation, answer: SentAnswer): string | null {
    const response = document.paths[path]?.[method]?.responses[String(answer.status)];
    if (!response) return `HEAD's ${answer.status} is not documented`;
    if (answer.body.length > 0) return `HEAD has a body: ${textOf(answer)}`;
    const type = answer.contentType.split(';')[0] ?? '';
    const isNamed = response.content ? type in response.content : true;
    return isNamed ? null : `HEAD's ${answer.status} comes as ${type}`;
  }
}

/** Each answer of the Worker has an id, the client's own if it is valid; those of static assets have none. */
function faultOfId({ headers }: RouteRequest, answer: SentAnswer): string | null {
  const asked = headers['x-request-id'];
  const id = String(answer.headers['x-request-id']);
  if (!saneId.test(id)) return `has the X-Request-Id ${id}`;
  const isKept = asked === undefined || !saneId.test(asked) || asked === id;
  return isKept ? null : `calls the request ${asked} ${id}`;
}

function faultOfOptions(answer: SentAnswer): string | null {
  const isRight = answer.status === 204 && answer.body.length === 0 && answer.headers.allow;
  return isRight ? null : `OPTIONS ${describe(answer)}`;
}

function faultOfProblem(code: ProblemCode, method: string, answer: SentAnswer): string | null {
  if (answer.status !== problems[code].status) return `${describe(answer)}, not ${code}`;
  if (answer.contentType !== 'application/problem+json') return describe(answer);
  if (method === 'HEAD') return answer.body.length === 0 ? null : 'HEAD has a body';
  const { success, data } = problemSchema.safeParse(JSON.parse(textOf(answer)));
  return success && data.code === code ? null : `${describe(answer)}, not ${code}`;
}

/** JSON or tensors; errors in the format of both protocols. */
function faultOfProtocol(method: string, answer: SentAnswer): string | null {
  const { status, contentType, headers } = answer;
  const isBinary = contentType === 'application/octet-stream';
  if (method === 'HEAD') return answer.body.length === 0 ? null : 'HEAD has a body';
  if (status === 200 && isBinary) {
    const length = Number(headers['inference-header-content-length']);
    JSON.parse(textOf({ ...answer, body: answer.body.subarray(0, length) }));
    return length < answer.body.length ? null : 'no tensor follows the JSON';
  }
  if (contentType !== 'application/json') return describe(answer);
  const body: unknown = JSON.parse(textOf(answer));
  if (typeof body !== 'object' || body === null) return describe(answer);
  if (status === 200) return 'error' in body ? describe(answer) : null;
  const isError =
    Object.keys(body).join() === 'error' && 'error' in body && typeof body.error === 'string';
  return isError && protocolStatuses.has(status) ? null : describe(answer);
}

/** The path as the Worker sees it: without the dots that workerd resolves, unescaped if that does not change its target. */
function pathOf(target: string): string {
  const path = withoutDots(/^[^?#]*/.exec(target)?.[0] ?? '');
  try {
    return decodeURI(path.replaceAll('%25', '%2525'));
  } catch {
    return path;
  }
}

/** `%2e` is not a dot here, unlike in a browser's URL. */
function withoutDots(path: string): string {
  const parts: string[] = [];
  const given = path.split('/').slice(1);
  for (const [i, part] of given.entries()) {
    const isDots = part === '.' || part === '..';
    if (part === '..') parts.pop();
    if (!isDots) parts.push(part);
    else if (i === given.length - 1) parts.push('');
  }
  return `/${parts.join('/')}`;
}

const patternOf = (path: string) =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);

/** Whether it is not a URI (RFC 3986, appendix A), and workerd itself refused it. */
const isRefused = (target: string, { status, contentType }: SentAnswer) =>
  status === 400 &&
  contentType === 'text/plain' &&
  !/^(%[\da-f]{2}|[\w.~!$&'()*+,;=:@/?-])*$/i.test(target);

/** The static asset that a target leads to, if there is one: at once, or by a redirect to its own path. */
function assetOf(target: string): string {
  const parts = new URL(`http://catwalk.test${target}`).pathname.split('/').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  const path = parts.join('/').replaceAll(/\/+/g, '/');
  return path.replace(/(?<=.)\/$|\.html$|\/index(\.html)?$/, '') || '/';
}

function faultOfAsset(method: string, answer: SentAnswer): string | null {
  const expected = method === 'GET' || method === 'HEAD' ? [200, 304, 307] : [405];
  return expected.includes(answer.status) ? null : `as an asset ${describe(answer)}`;
}

const describe = (answer: SentAnswer) =>
  `answered ${answer.status}, ${answer.contentType || 'no type'}: ${textOf(answer).slice(0, 1000)}`;

const textOf = ({ body }: Pick<SentAnswer, 'body'>) => new TextDecoder().decode(body);
