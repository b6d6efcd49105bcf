import { version_core } from '@tensorflow/tfjs-core';
import catwalk from '../../package.json' with { type: 'json' };

/** What computed a run, so that it can be computed again. */
export const packageVersions = (): Record<string, string> => ({
  catwalk: catwalk.version,
  node: process.versions.node,
  '@tensorflow/tfjs': version_core,
});
