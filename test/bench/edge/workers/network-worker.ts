import type { FoldedNetwork } from '../networks/folded-network.ts';
import type { Forward } from './forward-worker.ts';
import { readObject } from './published-model.ts';

/** The number of images that are run in turn. */
const images = 8;

export interface BenchNetwork {
  network: FoldedNetwork;
  weights: Float32Array<ArrayBuffer>;
}

/**
 * A Worker that runs the network of `bench:edge -- --network` in one way. Its routes are those of forward-worker.ts.
 *
 * @param load prepares the network. Called by the first request
 */
export function networkWorker(load: (files: BenchNetwork) => Promise<Forward>) {
  let ready: Promise<{ forward: Forward; input: Float32Array<ArrayBuffer> }> | null = null;
  const inputs = new Map<number, Float32Array<ArrayBuffer>>();
  const start = async () => {
    const network = await (await readObject('bench/network.json')).json<FoldedNetwork>();
    const weights = await floatsOf('bench/weights.bin');
    return { forward: await load({ network, weights }), input: await floatsOf('bench/images.bin') };
  };
  return {
    async fetch(request: Request): Promise<Response> {
      ready ??= start();
      const { forward, input } = await ready;
      const { pathname, searchParams } = new URL(request.url);
      const batch = Number(searchParams.get('batch'));
      const length = input.length / images;
      const inputOf = (pass: number) => {
        const first = (pass * batch) % images;
        // Cut once: copying an image is not part of a pass.
        const known = inputs.get(first) ?? input.slice(first * length, (first + batch) * length);
        inputs.set(first, known);
        return known;
      };
      if (pathname === '/logits') {
        const logits: number[] = [];
        for (let pass = 0; pass < images / batch; pass++) {
          logits.push(...Array.from(await forward(inputOf(pass), batch)));
        }
        return Response.json(logits);
      }
      const times = Number(searchParams.get('times'));
      for (let pass = 0; pass < times; pass++) {
        const logits = forward(inputOf(pass), batch);
        if (logits instanceof Promise) await logits;
      }
      return Response.json(times * batch);
    },
  };
}

export async function floatsOf(key: string): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array(await (await readObject(key)).arrayBuffer());
}

/** The layers model, as `tf.io.fromMemory` accepts it. */
export async function layersModel() {
  const { modelTopology, weightSpecs } = await (await readObject('bench/model.json')).json<{
    modelTopology: object;
    weightSpecs: { name: string; shape: number[]; dtype: 'float32' }[];
  }>();
  const weightData = await (await readObject('bench/model.bin')).arrayBuffer();
  return { modelTopology, weightSpecs, weightData };
}
