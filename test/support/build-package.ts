import { buildPackage } from '../../infra/generate/package.ts';

/** Builds the package once, for the tests that import `catwalk/…`, so that they test the sources as they are now. */
export default buildPackage;
