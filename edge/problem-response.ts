import type { Problem } from './problem.ts';

/**
 * @param extensions further members of the body, as RFC 9457 allows
 */
export function problemResponse(problem: Problem, extensions: object = {}): Response {
  return Response.json(
    { ...problem.body, ...extensions },
    {
      status: problem.status,
      headers: {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        ...problem.headers,
      },
    },
  );
}
