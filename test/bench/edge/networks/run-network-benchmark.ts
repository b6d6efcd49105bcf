import { join } from 'node:path';
import workerd from 'workerd/package.json' with { type: 'json' };
import { thisMachine } from '../../machine.ts';
import { bundleProduction, bundleWorker } from '../bundle.ts';
import { checkLogits } from '../check-logits.ts';
import type { Contestant } from '../contestant.ts';
import { installPeers } from '../install-peers.ts';
import { measureColdStart } from '../measure-cold-start.ts';
import { measureForward } from '../measure-forward.ts';
import { measurePhotos } from '../measure-photos.ts';
import { names } from '../names.ts';
import type { BenchOptions } from '../options.ts';
import { hasTorch, pytorchProcess } from '../pytorch-contestant.ts';
import { workerContestant } from '../worker-contestant.ts';
import { buildNetwork } from './build-network.ts';
import { foldedNetwork } from './folded-network.ts';
import { type NetworkReport, networkReportSchema } from './network-report.ts';
import { roundWeights } from './round-weights.ts';
import { modelName, writeBucket } from './write-bucket.ts';

/** By the name of their file in workers/. The logits of the first are the reference. */
const workers = {
  'network-tfjs-cpu': names.stockCpu,
  'network-catwalk': names.catwalk,
  'network-tfjs-wasm': names.foldedWasm,
  'network-onnxruntime-web': names.onnxruntime,
};

/** The stock cpu backend takes half a second a pass. */
const durations = {
  whole: { turnMs: 400, warmUpMs: 1500, coldStarts: 5, photoRequests: 30 },
  quick: { turnMs: 20, warmUpMs: 20, coldStarts: 1, photoRequests: 1 },
};

/** Measures another network than the tutorial's: the forward pass, the cold start, and requests with photos. @param folder an empty one to work in */
export async function runNetworkBenchmark(
  options: BenchOptions,
  folder: string,
  progress: (line: string) => void,
): Promise<NetworkReport> {
  const { turnMs, warmUpMs, coldStarts, photoRequests } =
    durations[options.quick ? 'quick' : 'whole'];
  await installPeers(progress);
  const model = await buildNetwork(options);
  roundWeights(model, options.dtype);
  const persistTo = await writeBucket(folder, model, foldedNetwork(model), options.dtype);
  const bundles = await Promise.all(
    Object.entries(workers).map(async ([file, name]) => ({
      name,
      bundle: await bundleWorker(file, join(folder, file)),
    })),
  );
  const [production, constant, decode] = await Promise.all([
    bundleProduction(join(folder, 'production')),
    bundleWorker('constant', join(folder, 'constant')),
    bundleWorker('decode', join(folder, 'decode')),
  ]);
  const variables = { MODEL_NAME: modelName };
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
        { name: names.catwalk, bundle: production, path: '/readyz', variables },
      ],
      { ...open, rounds: coldStarts, progress },
    );
    const photos = await measurePhotos({
      open: { ...open, variables },
      contestants: [
        { name: names.catwalk, bundle: production },
        { name: names.decoding, bundle: decode },
      ],
      requests: photoRequests,
      progress,
    });
    return networkReportSchema.parse({
      machine: { ...thisMachine(), workerd: workerd.version },
      network: options.network,
      dtype: options.dtype,
      largestLogitDifference: Object.fromEntries(differences),
      forward,
      coldStart,
      photos,
    });
  } finally {
    await Promise.all(contestants.splice(0).map((contestant) => contestant.close()));
  }
}
