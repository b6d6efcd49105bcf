import { existsSync } from 'node:fs';
import { requirement } from '../requirement.ts';

export const chromiumPath = process.env.CATWALK_CHROMIUM ?? '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

/** Reports that tests are skipped if there is no Chromium. */
export const explainSkip = () =>
  requirement(
    hasChromium,
    'tests in a browser. Set CATWALK_CHROMIUM to a Chromium.',
    'CATWALK_REQUIRE_CHROMIUM',
  );
