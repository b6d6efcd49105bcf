import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** The machine that computes a run. */
export const hardware = () => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  os: `${type()} ${release()} ${arch()}`,
});
