import type { ImageSet } from '../dataset/dataset.ts';
import type { RunFolder } from './run-folder.ts';

/**
 * Draws a run's charts and report, where it has an epoch. Vega takes 100 MiB for it: called when the threads that trained have
 * given theirs back, and loaded then.
 */
export async function drawRun(run: RunFolder, test: ImageSet): Promise<void> {
  if (run.epochs.length === 0) return;
  const { writeArtifacts } = await import('../artifacts/write-artifacts.ts');
  await writeArtifacts(run, test);
}
