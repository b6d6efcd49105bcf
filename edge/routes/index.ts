import type { Handler } from 'hono';
import type { AppContext } from '../app-context.ts';
import { get, post } from './route.ts';

/**
 * Every route of the Worker. The app, its answers to OPTIONS and to other methods, the OpenAPI document, /docs and the typed client
 * derive from this list and from the contracts in the files that it imports.
 */
export const routes = [
  get('/predict', async () => (await import('./predict-index.ts')).predictIndex),
  post('/predict', async () => (await import('./predict-image.ts')).predictImage),
  get('/images/:file', async () => (await import('./test-image.ts')).testImage),
  get('/models', async () => (await import('./models.ts')).listModels),
  get('/models/names', async () => (await import('./models.ts')).listModelNames),
  get('/model', async () => (await import('./models.ts')).servedModel),
  get('/models/:version/:file', async () => (await import('./models.ts')).versionFile),
  get('/healthz', async () => (await import('./health.ts')).live),
  get('/readyz', async () => (await import('./health.ts')).ready),
  get('/metrics', async () => (await import('./metrics.ts')).metrics),
  post('/feedback', async () => (await import('./feedback.ts')).giveFeedback, 'feedback'),
] as const;

/**
 * Protocols with specifications of their own. Each answers everything under its path.
 *
 * @internal
 */
export const protocols: Record<string, () => Promise<(app: AppContext) => Handler>> = {
  '/v1/*': async () => (await import('../protocols/tensorflow-serving.ts')).tensorFlowServing,
  '/v2/*': async () => (await import('../protocols/open-inference.ts')).openInference,
};

/**
 * Whether a path belongs to a protocol, whose clients expect its own form of errors.
 *
 * @internal
 */
export const isProtocolPath = (path: string): boolean =>
  Object.keys(protocols).some((pattern) => `${path}/`.startsWith(pattern.slice(0, -1)));
