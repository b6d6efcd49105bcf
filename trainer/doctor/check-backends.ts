import type { BackendName } from '../backends/backend.ts';
import { backendNames } from '../backends/backend.ts';
import { isNotSetUp } from '../backends/native-setup.ts';
import { openBackend } from '../backends/open-backend.ts';
import { tensorflowVersion } from '../backends/open-tensorflow.ts';
import { packageVersions } from '../run/package-versions.ts';
import { type Check, type CheckOptions, type Finding, messageOf } from './check.ts';

/** Opens every backend; one that works is enough, unless a GPU is asked for. */
export const checkBackends: Check = async (options) => {
  const findings: Finding[] = [];
  for (const name of backendNames) findings.push(await checkBackend(name, options));
  return findings;
};

async function checkBackend(backend: BackendName, { device }: CheckOptions): Promise<Finding> {
  const name = `backend ${backend}`;
  const isNative = backend === 'tensorflow';
  try {
    const opened = await openBackend(backend, isNative ? { device } : {});
    const version = isNative ? await tensorflowVersion() : packageVersions()['@tensorflow/tfjs'];
    const detail = `${version} on ${opened.device.kind} (${opened.device.name})`;
    return { name, status: 'ok', detail };
  } catch (error) {
    const detail = messageOf(error);
    if (isNative && device === 'gpu') {
      const advice = 'docs/gpu.md; --device cpu goes on without a GPU.';
      return { name, status: 'fail', detail, advice };
    }
    if (isNotSetUp(error)) {
      return { name, status: 'warn', detail, advice: 'Optional: it alone trains on a GPU.' };
    }
    const advice = isNative ? 'Set it up again: npm run setup:native' : 'Build it: npm run build';
    return { name, status: backend === 'wasm' ? 'fail' : 'warn', detail, advice };
  }
}
