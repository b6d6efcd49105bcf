import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import seedrandom from 'seedrandom';
import { mobilenetShards } from '../../../trainer/backbone/mobilenet-files.ts';
import { sizeOf } from '../../../trainer/weights/tensor.ts';

/** Writes a layers model with MobileNet's topology and random weights that keep the size of the numbers between its layers. */
export async function writeRandomBackbone(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const random = seedrandom.alea('backbone');
  const weightsManifest = [];
  for (const { file, weights } of mobilenetShards) {
    const values = weights.flatMap(({ name, shape }) => {
      const inputs = name.endsWith('depthwise_kernel') ? 9 : sizeOf(shape.slice(0, -1));
      const [middle, spread] = /variance|gamma/.test(name)
        ? [1, 0.3]
        : [0, name.endsWith('kernel') ? Math.sqrt(6 / inputs) : 0.5];
      return Array.from({ length: sizeOf(shape) }, () => middle + spread * (2 * random() - 1));
    });
    await writeFile(join(folder, file.name), Buffer.from(new Float32Array(values).buffer));
    const entries = weights.map((weight) => ({ ...weight, dtype: 'float32' }));
    weightsManifest.push({ paths: [file.name], weights: entries });
  }
  const model = { modelTopology: {}, weightsManifest };
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  return folder;
}
