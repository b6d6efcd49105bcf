import type { BackendChoice, BackendName, DeviceChoice, SkippedBackend } from './backend.ts';
import { isNotSetUp } from './native-setup.ts';

/**
 * Opens the backend asked for or, for 'auto', the fastest that opens: tensorflow on a GPU, then wasm, which is faster on
 * CPUs than tensorflow (docs/figures.md). A GPU asked for is never replaced by something else: then tensorflow, which alone
 * computes on one, opens or nothing does.
 *
 * @throws {Error} where none opens, with each one's reason
 */
export async function firstThatOpens<Opened>(
  choice: BackendChoice,
  device: DeviceChoice,
  open: (name: BackendName, device: DeviceChoice) => Promise<Opened>,
): Promise<{ opened: Opened; skipped: SkippedBackend[] }> {
  const skipped: SkippedBackend[] = [];
  let cause: unknown;
  for (const [name, on] of candidates(choice, device)) {
    try {
      return { opened: await open(name, on), skipped };
    } catch (error) {
      cause = error;
      skipped.push({ name, reason: reasonOf(name, error) });
    }
  }
  throw new Error(skipped.map(({ reason }) => reason).join('; '), { cause });
}

type Candidate = readonly [BackendName, DeviceChoice];

function candidates(choice: BackendChoice, device: DeviceChoice): readonly Candidate[] {
  if (choice !== 'auto') return [[choice, device]];
  const onGpu: Candidate = ['tensorflow', 'gpu'];
  const onCpu: Candidate[] = [
    ['wasm', 'cpu'],
    ['tensorflow', 'cpu'],
    ['cpu', 'cpu'],
  ];
  if (device === 'gpu') return [onGpu];
  return device === 'cpu' ? onCpu : [onGpu, ...onCpu];
}

function reasonOf(name: BackendName, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return isNotSetUp(error) ? message : `${name} does not load: ${message}`;
}
