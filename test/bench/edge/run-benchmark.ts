import { join } from 'node:path';
import workerd from 'workerd/package.json' with { type: 'json' };
import { thisMachine } from '../machine.ts';
import { bundleProduction, bundleWorker, sizeOf } from './bundle.ts';
import { checkLogits } from './check-logits.ts';
import { compareEveryImage } from './compare-every-image.ts';
import type { Contestant } from './contestant.ts';
import { installPeers } from './install-peers.ts';
import { measureColdStart } from './measure-cold-start.ts';
import { measureForward } from './measure-forward.ts';
import { measureMemory } from './measure-memory.ts';
import { measurePhotos } from './measure-photos.ts';
import { measureRoutes } from './measure-routes.ts';
import { measureSoak } from './measure-soak.ts';
import { measureStartUp } from './measure-start-up.ts';
import { names } from './names.ts';
import type { BenchOptions } from './options.ts';
import { publishModel } from './publish-model.ts';
import { createPublishedBucket, type PublishedBucket } from './published-bucket.ts';
import { pytorchContestant } from './pytorch-contestant.ts';
import { type Report, reportSchema } from './report.ts';
import { type WorkerContestant, workerContestant } from './worker-contestant.ts';

/** The Workers that run the network, by the name of their file in workers/. The logits of the first are the reference. */
const forwardWorkers = {
  'tfjs-cpu': names.stockCpu,
  catwalk: names.catwalk,
  'tfjs-wasm': 'tfjs wasm, stock',
  'onnxruntime-web': 'onnxruntime-web, 1 thread',
};

const batches = [1, 16];

/** Durations that give steady figures, and short ones for a test. */
const durations = {
  whole: {
    turnMs: 300,
    warmUpMs: 1500,
    coldStarts: 7,
    httpRounds: 3,
    httpSeconds: 2,
    photoRequests: 30,
  },
  quick: {
    turnMs: 20,
    warmUpMs: 20,
    coldStarts: 1,
    httpRounds: 1,
    httpSeconds: 0.2,
    photoRequests: 1,
  },
};

/** @param folder an empty one to work in */
export async function runBenchmark(
  options: BenchOptions,
  folder: string,
  progress: (line: string) => void,
): Promise<Report> {
  const { turnMs, warmUpMs, coldStarts, httpRounds, httpSeconds, photoRequests } =
    durations[options.quick ? 'quick' : 'whole'];
  await installPeers(progress);
  progress('publishing a model to a local bucket, and bundling the Workers');
  const [published, production, constant, noKeptLogits, forwardBundles] = await Promise.all([
    createPublishedBucket(folder, publishing(options, folder)),
    bundleProduction(join(folder, 'production')),
    bundleWorker('constant', join(folder, 'constant')),
    bundleWorker('no-kept-logits', join(folder, 'no-kept-logits')),
    Promise.all(
      Object.entries(forwardWorkers).map(async ([file, name]) => ({
        name,
        bundle: await bundleWorker(file, join(folder, file)),
      })),
    ),
  ]);
  const { persistTo, manifest } = published;
  const open = { folder, persistTo };

  const contestants: Contestant[] = [];
  try {
    const workers: WorkerContestant[] = [];
    for (const { name, bundle } of forwardBundles) {
      const worker = await workerContestant(name, { ...open, bundle });
      workers.push(worker);
      contestants.push(worker);
    }
    contestants.push(...(await pytorch(options.python, folder, published, progress)));
    progress('checking that all give the same logits');
    const differences = await checkLogits(contestants, batches);
    const [stock, catwalk] = workers;
    const everyImage =
      options.everyImage && stock && catwalk
        ? await compareEveryImage(stock, catwalk, {
            images: options.quick ? 250 : published.testImages.length / 784,
            labels: manifest.model.labels.length,
            progress,
          })
        : null;
    const rounds = options.quick ? 1 : options.rounds;
    const forward = await measureForward(contestants, {
      batches,
      rounds,
      turnMs,
      warmUpMs,
      progress,
    });
    await closeAll(contestants);

    const peers = forwardBundles.filter(({ name }) => name !== names.catwalk);
    const coldStart = await measureColdStart(
      [
        { name: names.constant, bundle: constant, path: '/predict' },
        { name: names.catwalk, bundle: production, path: '/predict?index=0' },
        ...(options.quick ? [] : peers).map((peer) => ({
          ...peer,
          path: '/forward?batch=1&times=1',
        })),
      ],
      { ...open, rounds: coldStarts, progress },
    );
    progress('memory');
    const memory = [
      await measureMemory(names.constant, { ...open, bundle: constant }),
      await measureMemory(names.catwalk, { ...open, bundle: production }),
    ];
    const catwalkBundle = forwardBundles.find(({ name }) => name === names.catwalk)?.bundle;
    const soak =
      options.soak && catwalkBundle
        ? await measureSoak({ ...open, bundle: catwalkBundle, predictions: options.soak, progress })
        : null;
    const http = await measureRoutes({
      open,
      constant,
      production,
      noKeptLogits,
      progress,
      testImages: published.testImages,
      rounds: httpRounds,
      seconds: httpSeconds,
    });
    const photos = await measurePhotos({
      open,
      contestants: [
        { name: names.catwalk, bundle: production },
        { name: names.jpegJs, bundle: await bundleWorker('jpeg-js', join(folder, 'jpeg-js')) },
      ],
      requests: photoRequests,
      progress,
    });
    return reportSchema.parse({
      machine: { ...thisMachine(), workerd: workerd.version },
      model: { version: manifest.version, accuracy: manifest.metrics.accuracy },
      largestLogitDifference: Object.fromEntries(differences),
      everyImage,
      forward,
      coldStart,
      startUpCpuMs: options.quick ? null : await measureStartUp(folder),
      memory,
      soak,
      http,
      photos,
      bundle: sizeOf(production),
    });
  } finally {
    await closeAll(contestants);
  }
}

function publishing({ url, quick }: BenchOptions, folder: string) {
  if (url !== undefined) return publishModel.servedAt(url);
  return quick ? publishModel.untrained() : publishModel.trained(folder);
}

async function pytorch(
  python: string,
  folder: string,
  published: PublishedBucket,
  progress: (line: string) => void,
): Promise<Contestant[]> {
  const contestant = await pytorchContestant(python, folder, published);
  if (contestant) return [contestant];
  progress(`PyTorch is skipped: ${python} has no torch. Name one that has: -- --python <path>`);
  return [];
}

/** Closes each once, even if it is called again. */
async function closeAll(contestants: Contestant[]): Promise<void> {
  await Promise.all(contestants.splice(0).map((contestant) => contestant.close()));
}
