import { inject } from 'vitest';
import { desktopDark, desktopLight, type Look, phoneDark, phoneLight } from './open-browser.ts';

/** For tests of behaviour that depends on the size but not on colours: two looks, or one as a sample. */
export const twoLooks: Look[] = inject('whole') ? [desktopLight, phoneDark] : [phoneDark];

/** For tests of the appearance: all four looks, or two as a sample. */
export const looks: Look[] = inject('whole')
  ? [desktopLight, phoneDark, desktopDark, phoneLight]
  : [desktopLight, phoneDark];
