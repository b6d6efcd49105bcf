import { createHash } from 'node:crypto';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { writeAtomically } from '../dataset/write-atomically.ts';
import { modelFiles } from '../publish/model-files.ts';

/** One training's folder: config.json, metrics.jsonl with a line per epoch, and the newest weights in model/. */
export interface RunFolder {
  path: string;
  writeEpoch(metrics: object, artifacts: io.ModelArtifacts): Promise<void>;
}

/**
 * @param runs the folder of all runs
 * @param config every value that the run uses
 * @param startedAt names the run
 */
export async function createRunFolder(
  runs: string,
  config: object,
  startedAt = new Date(),
): Promise<RunFolder> {
  const id = `${startedAt.toISOString().replace(/[-:]|\.\d+/g, '')}-${process.pid}`;
  const path = join(runs, id);
  await mkdir(join(path, 'model'), { recursive: true });
  await writeAtomically(join(path, 'config.json'), jsonBytes(config));
  return {
    path,
    async writeEpoch(metrics, artifacts) {
      const files = modelFiles(artifacts);
      const weightsSha256 = createHash('sha256').update(files['weights.bin']).digest('hex');
      // The line first: until the weights replace those of the epoch before, that epoch's line says what they are.
      await appendFile(
        join(path, 'metrics.jsonl'),
        `${JSON.stringify({ ...metrics, weightsSha256 })}\n`,
      );
      for (const [file, bytes] of Object.entries(files)) {
        await writeAtomically(join(path, 'model', file), bytes);
      }
    },
  };
}

const jsonBytes = (value: object) =>
  new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
