import { describe, expect, it } from 'vitest';
import { createModel } from '../../../edge/model/loaded-model.ts';
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

describe('a model with other layers', () => {
  it.each(models)(
    'gives the logits of TensorFlow.js in Node: $name',
    async ({ json, weights, logits }) => {
      const { modelTopology, weightsManifest } = JSON.parse(json);
      const model = await createModel({
        manifest: { version: 'test', model: fashionMnistCnn } as Manifest,
        topology: modelTopology,
        weightSpecs: weightsManifest[0].weights,
        weights: Uint8Array.from(atob(weights), (character) => character.charCodeAt(0)),
      });
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
