import type { Handler } from 'hono';

/**
 * A route whose code is evaluated by the first request that it gets, not by the start of the script.
 *
 * @param open imports the route's file: `async () => (await import('./x.ts')).getX(collaborators)`
 */
export function onFirstRequest(open: () => Promise<Handler>): Handler {
  let handler: Handler | null = null;
  return async function openedRoute(context, next) {
    handler ??= await open();
    return handler(context, next);
  };
}
