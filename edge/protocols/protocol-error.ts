import type { Problem } from '../problem.ts';

/** Whether a path belongs to one of the protocols, whose clients expect their own error's shape. */
export const isProtocolPath = (path: string): boolean => /^\/v[12](\/|$)/.test(path);

/** A problem as TensorFlow Serving and the Open Inference Protocol both have it: `{ "error": … }`. */
export function protocolError(problem: Problem): Response {
  // Neither knows 422: what is wrong with an input is an invalid argument.
  const status = problem.status === 422 ? 400 : problem.status;
  return Response.json(
    { error: problem.message },
    { status, headers: { 'cache-control': 'no-store', ...problem.headers } },
  );
}
