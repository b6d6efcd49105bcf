import { existsSync } from 'node:fs';

export const chromiumPath = process.env.CATWALK_CHROMIUM ?? '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

/** Says once that the page is not tested, or fails where it has to be. */
export function explainSkip(): void {
  if (hasChromium) return;
  if (process.env.CATWALK_REQUIRE_CHROMIUM) throw new Error(`There is no ${chromiumPath}.`);
  console.log('The page is not tested in a browser: set CATWALK_CHROMIUM to a Chromium.');
}
