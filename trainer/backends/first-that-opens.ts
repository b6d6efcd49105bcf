import {
  type BackendChoice,
  type BackendName,
  type DeviceChoice,
  fastestFirst,
  type SkippedBackend,
} from './backend.ts';
import { isNotSetUp } from './native-setup.ts';

/**
 * Opens the backend asked for or, for 'auto', the fastest that opens. A GPU asked for is never replaced by something else:
 * then tensorflow, which alone computes on one, opens or nothing does.
 *
 * @throws {Error} where none opens, with each one's reason
 */
export async function firstThatOpens<Opened>(
  choice: BackendChoice,
  device: DeviceChoice,
  open: (name: BackendName) => Promise<Opened>,
): Promise<{ opened: Opened; skipped: SkippedBackend[] }> {
  const skipped: SkippedBackend[] = [];
  let cause: unknown;
  for (const name of candidates(choice, device)) {
    try {
      return { opened: await open(name), skipped };
    } catch (error) {
      cause = error;
      skipped.push({ name, reason: reasonOf(name, error) });
    }
  }
  throw new Error(skipped.map(({ reason }) => reason).join('; '), { cause });
}

function candidates(choice: BackendChoice, device: DeviceChoice): readonly BackendName[] {
  if (choice !== 'auto') return [choice];
  return device === 'gpu' ? ['tensorflow'] : fastestFirst;
}

function reasonOf(name: BackendName, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return isNotSetUp(error) ? message : `${name} does not load: ${message}`;
}
