import { describe, expect, it } from 'vitest';
import { engine } from '#tensorflow';
import { createModel, type ModelParts } from '../../../edge/model/loaded-model.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import type { Manifest } from '../../../shared/registry/manifest.ts';
import layerModels from '../../fixtures/build/layer-models.bin';
import { testImage } from '../../support/edge/bucket.ts';

interface LayerModel {
  name: string;
  json: string;
  weights: string;
  /** TensorFlow.js's in Node, on its stock cpu backend, of the first test images. */
  logits: number[][];
}

const models: LayerModel[] = JSON.parse(new TextDecoder().decode(layerModels));
const [images, imageLength] = [10, 784];
const input = normalizePixels(
  Array.from({ length: images }, (_, index) => Array.from(testImage(index))).flat(),
  fashionMnistCnn.preprocessing,
);

function partsOf({ json, weights }: LayerModel): ModelParts {
  const { modelTopology, weightsManifest } = JSON.parse(json);
  return {
    manifest: { version: 'test', model: fashionMnistCnn } as Manifest,
    topology: modelTopology,
    weightSpecs: weightsManifest[0].weights,
    weights: Uint8Array.from(atob(weights), (character) => character.charCodeAt(0)),
  };
}

describe('a model with other layers', () => {
  it.each(models)(
    'gives the logits of TensorFlow.js in Node: $name',
    async ({ logits, ...layers }) => {
      const model = await createModel(partsOf({ logits, ...layers }));
      const batch = Array.from(model.predict(input, images));
      const singles = logits.flatMap((_, index) =>
        Array.from(
          model.predict(input.subarray(index * imageLength, (index + 1) * imageLength), 1),
        ),
      );
      model.dispose();
      const expected = logits.flat();
      // Otherwise equal logits would prove nothing.
      expect(new Set(expected.map((logit) => logit.toFixed(6))).size).toBeGreaterThan(50);
      for (const found of [batch, singles]) {
        expect(found).toHaveLength(expected.length);
        for (const [i, logit] of expected.entries()) expect(found[i]).toBeCloseTo(logit, 4);
      }
    },
  );
});

describe('models that are built at once', () => {
  it.each(['before', 'after'])(
    'keep their variables if another fails that was started %s',
    async (order) => {
      const [first] = models as [LayerModel];
      const good = partsOf(first);
      const bad = structuredClone(good);
      // The layers before it are built.
      const { layers } = modelConfig(bad.topology);
      layers.push({ class_name: 'Unknown', config: { name: 'unknown' } });
      const variables = engine().memory().numTensors;
      const loads = order === 'before' ? [bad, good] : [good, bad];
      const results = await Promise.allSettled(loads.map((parts) => createModel(parts)));
      const loaded = results.flatMap((result) =>
        result.status === 'fulfilled' ? result.value : [],
      );
      expect(loaded).toHaveLength(1);
      const logits = loaded[0]?.predict(input, images) ?? [];
      for (const [i, logit] of first.logits.flat().entries())
        expect(logits[i]).toBeCloseTo(logit, 4);
      loaded[0]?.dispose();
      expect(engine().memory().numTensors).toBe(variables);
    },
  );
});

function modelConfig(topology: Record<string, unknown>) {
  const { config } = (topology.model_config ?? topology) as { config: { layers: object[] } };
  return config;
}
