import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ModelSpec } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import { firstTestImages } from '../datasets/test-images.ts';

/** The packages of `npm run bench:edge`, which installs them. */
const peers = join(import.meta.dirname, '../../bench/edge/workers');

/** The parts of onnxruntime-web that the tests use. */
interface OnnxRuntime {
  env: { wasm: { numThreads: number } };
  InferenceSession: {
    create(model: Uint8Array): Promise<{
      run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
      release(): Promise<void>;
    }>;
  };
  Tensor: new (type: 'float32', data: Float32Array, shape: number[]) => unknown;
}

/** Whether onnxruntime-web is installed. */
export const hasOnnxRuntime = (): boolean =>
  existsSync(join(peers, 'node_modules/onnxruntime-web/package.json'));

/** Runs an ONNX model on the first test images. @returns its logits, [image][label] */
export async function runOnnx(
  model: Uint8Array,
  { preprocessing, labels }: ModelSpec,
  count: number,
): Promise<number[][]> {
  const runtime: OnnxRuntime = createRequire(join(peers, 'package.json'))('onnxruntime-web');
  runtime.env.wasm.numThreads = 1;
  const { images } = await firstTestImages();
  const input = normalizePixels(images.subarray(0, count * 784), preprocessing);
  const session = await runtime.InferenceSession.create(model);
  const { logits } = await session.run({
    images: new runtime.Tensor('float32', input, [count, 1, 28, 28]),
  });
  await session.release();
  const values = logits?.data ?? new Float32Array();
  return Array.from({ length: count }, (_, i) => [
    ...values.subarray(i * labels.length, (i + 1) * labels.length),
  ]);
}
