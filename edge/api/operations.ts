import { giveFeedback } from './feedback.ts';
import { live, ready } from './health.ts';
import { listModels, servedModel, versionFile } from './model.ts';
import { drift, metrics } from './observe.ts';
import { predictImage, predictIndex, testImage } from './predict.ts';

/**
 * Every route of the Worker. The OpenAPI document, /docs and the typed client are made of these; a test compares them with the
 * app's routes, another one with what a real Worker answers.
 */
export const operations = [
  ...[predictIndex, predictImage, testImage],
  ...[listModels, servedModel, versionFile],
  ...[live, ready, metrics, drift],
  giveFeedback,
] as const;
