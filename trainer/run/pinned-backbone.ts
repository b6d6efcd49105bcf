import { type BackboneOptions, hashOfWeights, openBackbone } from '../backbone/open-backbone.ts';
import { openBackend } from '../backend/open-backend.ts';
import { CheckpointError } from './checkpoint.ts';
import type { RunPlan } from './plan-run.ts';

/**
 * Opens the pretrained layers of MobileNet, and identifies them for the manifest.
 *
 * @throws {BackboneError} if they are not available
 * @throws {CheckpointError} if the resumed run started from others
 */
export async function pinnedBackbone(
  { options, resumed }: RunPlan,
  reporting: Pick<BackboneOptions, 'signal' | 'onProgress'>,
) {
  await openBackend('cpu');
  const { weights, source } = await openBackbone({ backbone: options.backbone, ...reporting });
  const sha256 = hashOfWeights(weights);
  const before = resumed?.config.parent;
  if (resumed && before && 'sha256' in before && before.sha256 !== sha256) {
    throw new CheckpointError(
      `${resumed.path} started from other pretrained layers, those of ${before.file}. Name them with --backbone.`,
    );
  }
  return { weights, origin: { file: source, sha256 } };
}
