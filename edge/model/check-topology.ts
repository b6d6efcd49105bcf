import { ModelError } from '../errors.ts';

/** A layer's configuration in a model in a model is 20 deep. Building one recurses. */
const maxDepth = 64;
/** Layers, and calls of layers, of which a functional model has one per layer: 500 layers. MobileNetV2 has 155. */
const maxLayersAndCalls = 1000;

/**
 * Checks the size of a topology without recursion, before anything recurses into it or builds its layers.
 *
 * @param topology as in model.json
 * @param what names the model in errors
 * @throws {ModelError} `bad_model` if it is nested too deep or has too many layers
 */
export function checkTopology(topology: Record<string, unknown>, what: string): void {
  const fail = (problem: string) =>
    new ModelError('bad_model', `The topology of ${what} has ${problem}.`);
  let count = 0;
  const waiting: { value: unknown; depth: number }[] = [{ value: topology, depth: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > maxDepth) throw fail(`values that are nested more than ${maxDepth} deep`);
    for (const list of ['layers', 'inbound_nodes']) {
      const items = (value as Record<string, unknown>)[list];
      if (Array.isArray(items)) count += items.length;
    }
    if (count > maxLayersAndCalls) {
      throw fail(`more than ${maxLayersAndCalls} layers and calls of layers`);
    }
    for (const inner of Object.values(value)) waiting.push({ value: inner, depth: depth + 1 });
  }
}
