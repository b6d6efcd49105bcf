import { engine, Initializer, serialization, type Tensor } from '#tensorflow';

/**
 * Gives a weight its shape but no values, not even the memory for them: what a published model is built with before its
 * own weights take their place. TensorFlow.js can't build a layer without an initializer, and any other one writes
 * all 688,138 numbers once for nothing.
 *
 * `loadWeights` is strict: it refuses weights of another shape, and a model with a weight that was never set.
 */
class Unset extends Initializer {
  static readonly className = 'CatwalkUnset';

  apply(shape: number[]): Tensor {
    return engine().makeTensor(noValues, shape, 'float32');
  }
}

const noValues = new Float32Array(0);

/**
 * @param topology as in model.json
 * @returns a copy in which no initializer computes anything
 */
export function withoutInitializers(topology: Record<string, unknown>): Record<string, unknown> {
  serialization.registerClass(Unset);
  return replace(topology) as Record<string, unknown>;
}

function replace(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replace);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key.endsWith('_initializer') && inner
        ? { class_name: Unset.className, config: {} }
        : replace(inner),
    ]),
  );
}
