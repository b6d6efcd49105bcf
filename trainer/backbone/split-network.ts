import { layerShapes } from '../../shared/model/layer-shapes.ts';
import { layersBefore } from '../../shared/model/mobilenet.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { FoldedSpec } from '../../shared/model/training-spec.ts';

/** A network in two parts. */
export interface SplitNetwork {
  /** Stays as it is: its output, the features of an image, can be computed once. */
  frozen: FoldedSpec;
  /** Is trained. Its input are features, as bytes with the preprocessing of this spec. */
  trained: FoldedSpec;
}

/** The largest number that ReLU6 returns: bytes of features spread evenly from 0 to it. */
export const maxFeature = 6;

/** Splits MobileNet before its last `blocks` blocks. With 0, all convolutions stay as they are. */
export function splitNetwork(spec: ModelSpec, blocks: number): SplitNetwork {
  const layers = layersBefore(blocks);
  const inputShape = layerShapes(spec)[layers - 1] as FoldedSpec['inputShape'];
  return {
    frozen: { ...spec, layers: spec.layers.slice(0, layers) },
    trained: {
      ...spec,
      inputShape,
      layers: spec.layers.slice(layers),
      preprocessing: { ...spec.preprocessing, mean: 0, std: 1 / maxFeature },
    },
  };
}
