import type { Manifest } from '../../shared/registry/manifest.ts';
import { planNetwork } from '../../shared/webgpu/network-plan.ts';
import { make } from './element.ts';
import { openBench } from './fine-tune-bench.ts';
import type { Picture } from './pictures.ts';
import type { ModelWatch } from './watch-model.ts';

const introduction =
  'Teach the served model with your own images, or correct its answers, on this device’s GPU. Half of every batch are your images; the other half are test images with their labels, so that the model does not forget. Images, labels and the new weights stay in this browser, and the served model stays as it is.';

/** The section of Training in which the visitor's images fine-tune the served model. */
export function openFineTune(
  content: HTMLElement,
  model: ModelWatch,
  pictureOfTry: () => Picture | null,
): void {
  const body = make('div');
  content.append(
    make('h3', { id: 'fine-tune-title', textContent: 'Fine-tune in this browser' }),
    make('p', { className: 'prose', textContent: introduction }),
    body,
  );
  let network = '';
  let bench: ReturnType<typeof openBench> | null = null;
  model.listen(async (served) => {
    if (!served) return;
    const { manifest } = served;
    if (network === JSON.stringify(manifest.model)) return bench?.setManifest(manifest);
    network = JSON.stringify(manifest.model);
    bench?.close();
    bench = null;
    const reason = await missing(manifest);
    // Another model may have arrived meanwhile.
    if (network !== JSON.stringify(manifest.model)) return;
    if (reason === null) bench = openBench(manifest, content, pictureOfTry);
    body.replaceChildren(
      bench?.element ?? make('p', { className: 'quiet', textContent: reason ?? '' }),
    );
  });
}

/** Explains why nothing can be fine-tuned here; null if it can. */
async function missing({ model }: Manifest): Promise<string | null> {
  try {
    planNetwork(model);
  } catch (error) {
    return `The network of the served model can’t be fine-tuned here: ${(error as Error).message}.`;
  }
  if (!isSecureContext) return 'Browsers offer WebGPU only over HTTPS and on localhost.';
  if (!('gpu' in navigator)) {
    return 'This browser has no WebGPU. Current versions of Chrome, Edge, Safari and Firefox have it.';
  }
  if (await navigator.gpu.requestAdapter()) return null;
  return 'WebGPU finds no GPU: this device has none, or this browser does not use it.';
}
