/** Builds the JavaScript that `npm pack` packs, after `npm run build` has generated what it contains. */
import { buildPackage } from './generate/package.ts';

await buildPackage();
