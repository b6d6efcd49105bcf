import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import workerd from 'workerd/package.json' with { type: 'json' };
import { startLocalWorker } from '../../../../infra/local/worker.ts';
import { openBucket } from '../../../../trainer/registry/bucket.ts';
import { thisMachine } from '../../machine.ts';
import { bundleWorker } from '../bundle.ts';
import { checkLogits } from '../check-logits.ts';
import type { Contestant } from '../contestant.ts';
import { installPeers } from '../install-peers.ts';
import { measureColdStart } from '../measure-cold-start.ts';
import { measureForward } from '../measure-forward.ts';
import { names } from '../names.ts';
import type { BenchOptions } from '../options.ts';
import { hasTorch, pytorchProcess } from '../pytorch-contestant.ts';
import { workerContestant } from '../worker-contestant.ts';
import { buildNetwork } from './build-network.ts';
import { type FoldedNetwork, foldedNetwork } from './folded-network.ts';
import { foldedOnnx } from './folded-onnx.ts';
import { type NetworkReport, networkReportSchema } from './network-report.ts';

/** By the name of their file in workers/. The logits of the first are the reference. */
const workers = {
  'network-tfjs-cpu': names.stockCpu,
  'network-catwalk': names.catwalk,
  'network-tfjs-wasm': 'tfjs wasm, fused and folded',
  'network-onnxruntime-web': 'onnxruntime-web, 1 thread',
};

const images = 8;
/** The stock cpu backend takes half a second a pass. */
const durations = {
  whole: { turnMs: 400, warmUpMs: 1500, coldStarts: 5 },
  quick: { turnMs: 20, warmUpMs: 20, coldStarts: 1 },
};

/** Measures the forward pass and the cold start of another network than the tutorial's. @param folder an empty one to work in */
export async function runNetworkBenchmark(
  options: BenchOptions,
  folder: string,
  progress: (line: string) => void,
): Promise<NetworkReport> {
  const { turnMs, warmUpMs, coldStarts } = durations[options.quick ? 'quick' : 'whole'];
  await installPeers(progress);
  const model = await buildNetwork(options);
  const { network, weights } = foldedNetwork(model);
  const persistTo = await writeBucket(folder, model, network, weights);
  const bundles = await Promise.all(
    Object.entries(workers).map(async ([file, name]) => ({
      name,
      bundle: await bundleWorker(file, join(folder, file)),
    })),
  );
  const constant = await bundleWorker('constant', join(folder, 'constant'));
  const open = { folder, persistTo };
  const contestants: Contestant[] = [];
  try {
    for (const { name, bundle } of bundles) {
      contestants.push(await workerContestant(name, { ...open, bundle }));
    }
    if (await hasTorch(options.python)) {
      contestants.push(
        pytorchProcess(options.python, 'pytorch_network.py', join(folder, 'network')),
      );
    }
    progress('checking that all give the same logits');
    const differences = await checkLogits(contestants, [1]);
    const forward = await measureForward(contestants, {
      batches: [1],
      rounds: options.quick ? 1 : options.rounds,
      turnMs,
      warmUpMs,
      progress,
    });
    await Promise.all(contestants.splice(0).map((contestant) => contestant.close()));
    const coldStart = await measureColdStart(
      [
        { name: names.constant, bundle: constant, path: '/predict' },
        ...bundles
          .filter(({ name }) => name === names.catwalk)
          .map((each) => ({ ...each, path: '/forward?batch=1&times=1' })),
      ],
      { ...open, rounds: coldStarts, progress },
    );
    return networkReportSchema.parse({
      machine: { ...thisMachine(), workerd: workerd.version },
      network: options.network,
      largestLogitDifference: Object.fromEntries(differences),
      forward,
      coldStart,
    });
  } finally {
    await Promise.all(contestants.splice(0).map((contestant) => contestant.close()));
  }
}

/** @returns the folder of a local bucket that has the network in the form of every contestant */
async function writeBucket(
  folder: string,
  model: LayersModel,
  network: FoldedNetwork,
  weights: Float32Array,
): Promise<string> {
  const length = network.inputShape.reduce((product, size) => product * size, images);
  const pixels = tf.randomUniform([length], -1, 1, 'float32', 1).dataSync<'float32'>();
  const modelWeights = model.weights.map((weight) => ({
    name: weight.originalName,
    value: weight.read(),
  }));
  const files = {
    'network.json': Buffer.from(JSON.stringify(network)),
    'weights.bin': bytesOf(weights),
    'images.bin': bytesOf(pixels),
    'model.json': Buffer.from(
      JSON.stringify({
        modelTopology: model.toJSON(null, false),
        weightSpecs: modelWeights.map(({ name, value: { shape } }) => ({
          name,
          shape,
          dtype: 'float32',
        })),
      }),
    ),
    'model.bin': Buffer.concat(
      modelWeights.map(({ value }) => bytesOf(value.dataSync<'float32'>())),
    ),
    'model.onnx': foldedOnnx(network, weights),
  };
  const own = join(folder, 'network');
  await mkdir(own);
  const persistTo = join(folder, 'bucket');
  const worker = await startLocalWorker({
    port: 0,
    persistTo,
    logFile: join(folder, 'bucket.log'),
  });
  try {
    const bucket = openBucket({ url: 's3://catwalk', environment: worker.env });
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(own, name), bytes);
      await bucket.put(`bench/${name}`, bytes, { contentType: 'application/octet-stream' });
    }
  } finally {
    await worker.stop();
  }
  return persistTo;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);
