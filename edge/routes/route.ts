import type { Handler } from 'hono';
import type { AppContext } from '../app-context.ts';
import type { Contract } from './contract.ts';

/** A route: its contract and its handler. */
export interface Route<Of extends Contract = Contract> {
  contract: Of;
  /**
   * Makes the handler when the first request arrives.
   *
   * @internal
   */
  open(app: AppContext): Handler;
}

/**
 * Makes a route. It keeps the exact type of the contract, which the typed client needs.
 *
 * @internal
 */
export const route = <const Of extends Contract>(
  contract: Of,
  open: (app: AppContext) => Handler,
): Route<Of> => ({ contract, open });

/** Settings that a route may depend on: boolean members of the configuration. */
export type RouteSetting = 'feedback';

/** A line of the list of routes. */
export interface RouteEntry<
  Method extends 'get' | 'post' = 'get' | 'post',
  Path extends `/${string}` = `/${string}`,
  Of extends Contract = Contract,
> {
  method: Method;
  /** With `:name` for each parameter. */
  path: Path;
  /** Imports the route with its first request, so that the script starts fast. */
  load: () => Promise<Route<Of>>;
  /** The setting that turns the route on, or `null` if it always exists. */
  onlyIf: RouteSetting | null;
}

const entry =
  <Method extends 'get' | 'post'>(method: Method) =>
  <const Path extends `/${string}`, Of extends Contract>(
    path: Path,
    load: () => Promise<Route<Of>>,
    onlyIf: RouteSetting | null = null,
  ): RouteEntry<Method, Path, Of> => ({ method, path, load, onlyIf });

export const get = entry('get');
export const post = entry('post');
