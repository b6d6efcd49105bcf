import type { Contract } from '../../edge/routes/contract.ts';

/** A route's contract with its method and its path: what the OpenAPI document shows. */
export interface Operation extends Contract {
  method: 'get' | 'post';
  /** With `{name}` for each parameter, as OpenAPI writes it. */
  path: string;
}

/** The part of a line in edge/routes/index.ts that a description needs. */
export interface DescribedRoute {
  method: 'get' | 'post';
  path: string;
  load: () => Promise<{ contract: Contract }>;
}

export async function operationsOf(routes: readonly DescribedRoute[]): Promise<Operation[]> {
  return Promise.all(
    routes.map(async ({ method, path, load }) => ({
      ...(await load()).contract,
      method,
      path: path.replaceAll(/:(\w+)/g, '{$1}'),
    })),
  );
}

/** Loads the contracts of all routes of the Worker. */
export async function loadOperations(): Promise<Operation[]> {
  // `as string` hides the path from TypeScript: the Worker's files need Workers' types, which contradict Node's.
  const { routes }: { routes: DescribedRoute[] } = await import(
    '../../edge/routes/index.ts' as string
  );
  return operationsOf(routes);
}
