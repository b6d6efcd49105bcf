import { execFile } from 'node:child_process';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { version_core } from '@tensorflow/tfjs-core';
import catwalk from '../../package.json' with { type: 'json' };
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { publishedSpec, type TrainingSpec } from '../../shared/model/training-spec.ts';
import type { Dataset } from '../data/dataset.ts';

const run = promisify(execFile);

/** Returns the checked-out commit of this program; null if it is not in a git checkout. */
async function gitState(): Promise<{ commit: string; dirty: boolean } | null> {
  try {
    const options = { cwd: import.meta.dirname };
    const { stdout: commit } = await run('git', ['rev-parse', 'HEAD'], options);
    const { stdout: changes } = await run('git', ['status', '--porcelain'], options);
    return { commit: commit.trim(), dirty: changes.trim() !== '' };
  } catch {
    return null;
  }
}

/** Returns the versions that reproducing a run needs. */
export const packageVersions = (): Record<string, string> => ({
  catwalk: catwalk.version,
  node: process.versions.node,
  '@tensorflow/tfjs': version_core,
});

const isNormalized = ({ layers }: TrainingSpec) => layers.some(({ type }) => type === 'batchNorm');

/** Returns the part of config.json that records what reproducing a run needs: code, packages, machine, network, data. */
export async function provenance(trained: TrainingSpec, dataset: Dataset) {
  const { name, origin, files, labelOffset, folder } = dataset;
  const skipUnreadable = folder && folder.skipped.length > 0;
  return {
    packages: packageVersions(),
    git: await gitState(),
    hardware: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      os: `${type()} ${release()} ${arch()}`,
    },
    spec: publishedSpec(trained) as ModelSpec,
    ...(isNormalized(trained) && { trainingLayers: trained.layers }),
    dataset: {
      name,
      origin,
      files,
      ...(labelOffset !== undefined && { labelOffset }),
      ...(skipUnreadable && { skipUnreadable }),
    },
  };
}
