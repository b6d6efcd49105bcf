import { fashionMnistCnn, type ModelSpec } from '../../shared/model/model-spec.ts';
import type { BackendName } from '../../trainer/backend/backend.ts';
import { openAdapter } from '../../trainer/backend/webgpu/open-adapter.ts';
import type { Dataset } from '../../trainer/data/dataset.ts';
import { recipes } from '../../trainer/train/recipes.ts';
import { train } from '../../trainer/train/train.ts';

/** Prints one check. */
export type Report = (what: string, isRight: boolean, detail: string) => void;

/** A training whose losses two backends are compared by. */
export interface LossRun {
  batchSize: number;
  limit: number;
  losses: number[];
}

/** Without dropout, whose masks differ between backends. */
const comparedSpec: ModelSpec = {
  ...fashionMnistCnn,
  layers: fashionMnistCnn.layers.filter(({ type }) => type !== 'dropout'),
};

/** Trains one epoch without dropout and returns the loss of each step. */
export async function measureLosses(
  backend: BackendName,
  dataset: Dataset,
  { batchSize, limit }: Pick<LossRun, 'batchSize' | 'limit'>,
): Promise<number[]> {
  const recipe = { ...recipes.tutorial, epochs: 1, batchSize };
  // Only the training matters here.
  const test = { ...dataset.test, count: 1, images: dataset.test.images.subarray(0, 784) };
  const small = { ...dataset, test: { ...test, labels: dataset.test.labels.subarray(0, 1) } };
  const options = { spec: comparedSpec, dataset: small, recipe, seed: 1, limit, threads: 1 };
  const losses: number[] = [];
  for await (const event of train({ ...options, backend })) {
    if (event.event === 'progress') losses.push(event.loss);
  }
  return losses;
}

/** Compares the losses of webgpu with those of wasm: at first they differ by rounding, which Adam amplifies from step to step. */
export async function checkLosses(dataset: Dataset, wasm: LossRun, report: Report): Promise<void> {
  const own = await measureLosses('webgpu', dataset, wasm);
  const differences = own.map((loss, step) => Math.abs(loss - (wasm.losses[step] as number)));
  const [first, all] = [Math.max(...differences.slice(0, 3)), Math.max(...differences)];
  const isSame = own.length === wasm.losses.length && first < 1e-4 && all < 0.05;
  const detail = `differ by at most ${first.toExponential(1)} in 3 steps, ${all.toExponential(1)} in ${own.length}`;
  report(`the losses of webgpu and wasm with batches of ${wasm.batchSize}`, isSame, detail);
}

/** Names the adapter. */
export async function checkAdapter(report: Report): Promise<void> {
  const { adapter, device } = await openAdapter();
  const { maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits;
  const limits = `buffers of ${maxStorageBufferBindingSize} bytes, ${maxComputeWorkgroupStorageSize} bytes a workgroup`;
  report('the adapter is a GPU', device.kind === 'GPU', `${device.name}: ${limits}`);
}

/** Measures the throughput in the second of two epochs. */
export async function checkSpeed(dataset: Dataset, batchSize: number, report: Report) {
  const recipe = { ...recipes.tutorial, epochs: 2, batchSize };
  const options = { spec: fashionMnistCnn, dataset, recipe, seed: 1, device: 'gpu' as const };
  let speed = 0;
  for await (const event of train({ ...options, backend: 'webgpu' })) {
    if (event.event === 'epoch') speed = event.imagesPerSecond;
  }
  report(`webgpu with batches of ${batchSize}`, speed > 0, `${Math.round(speed)} images/s`);
}

/** Trains the tutorial's five epochs, and measures them from the start to the last test. */
export async function checkTutorial(dataset: Dataset, report: Report): Promise<void> {
  const start = performance.now();
  const recipe = recipes.tutorial;
  const options = { spec: fashionMnistCnn, dataset, recipe, seed: 1, device: 'gpu' as const };
  let accuracy = 0;
  for await (const event of train({ ...options, backend: 'webgpu' })) {
    if (event.event === 'epoch') accuracy = 100 * event.metrics.accuracy;
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const isNear = Math.abs(accuracy - 91.3) <= 0.5;
  report(
    'five epochs with webgpu reach 91.3 ± 0.5 %',
    isNear,
    `${accuracy.toFixed(2)} % in ${seconds} s`,
  );
}
