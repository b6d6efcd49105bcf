import { env } from 'cloudflare:workers';
import { fashionMnistCnn } from '../../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../../shared/model/predict.ts';
import { bucketLayout } from '../../../../shared/registry/bucket-layout.ts';

/** Runs the network on normalized pixels of `count` images. Returns 10 logits for each. */
export type Forward = (
  input: Float32Array<ArrayBuffer>,
  count: number,
) => ArrayLike<number> | Promise<ArrayLike<number>>;

/** The number of test images that are run in turn. With only one, branch prediction would be too good. */
const images = 64;
const imageLength = 784;
const idxHeaderBytes = 16;

/**
 * A Worker that runs the network in one way.
 *
 * - `GET /forward?batch=B&times=N` runs N forward passes of B images, and answers the number of images
 * - `GET /logits?batch=B` answers the logits of the 64 images, in batches of B; with `&first=F&count=C` those of C images
 *   from image F
 *
 * The clock stands still inside a Worker, so the client has to measure the time.
 *
 * @param load loads the published model into memory. Called by the first request
 */
export function forwardWorker(load: (context: ExecutionContext) => Promise<Forward>) {
  let ready: Promise<{ forward: Forward; input: Float32Array<ArrayBuffer> }> | null = null;
  const start = async (context: ExecutionContext) => ({
    forward: await load(context),
    input: await readInput(0, images),
  });

  return {
    async fetch(request: Request, _env: unknown, context: ExecutionContext): Promise<Response> {
      ready ??= start(context);
      const { forward, input } = await ready;
      const { pathname, searchParams } = new URL(request.url);
      const batch = Number(searchParams.get('batch'));
      const inputOf = (pass: number) => {
        const first = (pass * batch) % images;
        return input.subarray(first * imageLength, (first + batch) * imageLength);
      };
      if (pathname === '/logits') {
        const count = Number(searchParams.get('count') ?? images);
        const asked = await readInput(Number(searchParams.get('first') ?? 0), count);
        const logits: number[] = [];
        for (let image = 0; image < count; image += batch) {
          const size = Math.min(batch, count - image);
          const input = asked.slice(image * imageLength, (image + size) * imageLength);
          logits.push(...Array.from(await forward(input, size)));
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

/** @returns test images, normalized: [count, 28, 28, 1] */
async function readInput(first: number, count: number): Promise<Float32Array<ArrayBuffer>> {
  const { datasetFile } = bucketLayout();
  const description = await env.BUCKET.get(datasetFile('fashion-mnist', 'dataset.json'));
  const hash = (await description?.json<{ hash: string }>())?.hash;
  const object = await env.BUCKET.get(datasetFile('fashion-mnist', 'test-images.idx', hash), {
    range: { offset: idxHeaderBytes + first * imageLength, length: count * imageLength },
  });
  if (!object) throw new Error('The bucket has no test images.');
  const input = new Float32Array(count * imageLength);
  normalizePixels(new Uint8Array(await object.arrayBuffer()), fashionMnistCnn.preprocessing, input);
  return input;
}
