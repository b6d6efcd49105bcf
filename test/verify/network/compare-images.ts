/** The worker thread of `verify:network`: compares the images of the files that it is given. */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { readImage } from '../../../shared/image/model-input.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { buildNetwork } from '../../bench/edge/networks/build-network.ts';
import type { BenchOptions } from '../../bench/edge/options.ts';
import { openComparison } from './compare-image.ts';

const { files, ...network } = workerData as Pick<BenchOptions, 'network' | 'mobilenet'> & {
  files: string[];
};
const model = await buildNetwork(network);
const compare = openComparison(model);
const [[, height, width]] = model.inputs.map(({ shape }) => shape) as [[null, number, number]];
for (const file of files) {
  const size = {
    height,
    width,
    channels: 3,
    fit: 'stretch',
    background: { kind: 'keep' },
  } as const;
  const { pixels } = await readImage(await readFile(file), { ...size, ...imageDecoders });
  parentPort?.postMessage(compare(Float32Array.from(pixels, (value) => value / 127.5 - 1)));
}
