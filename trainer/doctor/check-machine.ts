import { availableParallelism, cpus, freemem } from 'node:os';
import type { Check, Finding } from './check.ts';

/** Type stripping without a flag came with this one. */
const leastNode = [22, 18] as const;
/** A training with TensorFlow takes about 0.8 GiB. */
const leastFreeBytes = 2 ** 30;

/** Node's version, the cores and the memory. */
export const checkMachine: Check = async () => [checkNode(process.versions.node), checkCores()];

/** @param version as in process.versions.node */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = leastNode;
  const isEnough = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  if (isEnough) return { name: 'node', status: 'ok', detail: version };
  return {
    name: 'node',
    status: 'fail',
    detail: `${version} is older than ${leastNode.join('.')}`,
    advice: 'Start catwalk with npx or npm run, which take the Node that npm ci brought.',
  };
}

function checkCores(): Finding {
  const free = `${(freemem() / 2 ** 30).toFixed(1)} GiB of memory free`;
  const detail = `${availableParallelism()} (${cpus()[0]?.model.trim() ?? 'unknown'}), ${free}`;
  if (freemem() >= leastFreeBytes) return { name: 'cores', status: 'ok', detail };
  const advice = 'End other programs, or give the container more memory: a training takes 1 GiB.';
  return { name: 'cores', status: 'warn', detail, advice };
}
