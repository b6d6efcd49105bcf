import * as z from 'zod/mini';

/** What opens the routes that are not for everybody. */
export interface ApiToken {
  /** What logs and limits call its bearer. */
  name: string;
  token: string;
}

/** Shorter ones could be guessed. */
const fewestCharacters = 16;

/**
 * Tokens between commas, spaces or lines, each by itself or as `name:token`. Several, so that one can be changed for another: both
 * open while both are there. No message holds any part of one.
 */
export const apiTokensSchema = z.pipe(
  z.string(),
  z.transform((text, context): ApiToken[] =>
    text
      .split(/[\s,]+/)
      .filter((entry) => entry !== '')
      .map((entry, position) => {
        const colon = entry.indexOf(':');
        const name = colon < 0 ? `token-${position + 1}` : entry.slice(0, colon);
        const token = entry.slice(colon + 1);
        const place = `the ${position + 1}. token`;
        if (!/^[\w.-]{1,64}$/.test(name)) {
          fail(`${place}'s name may have letters, digits, dots, - and _`);
        } else if (token.length < fewestCharacters) {
          fail(`${place} is shorter than ${fewestCharacters} characters: openssl rand -hex 32`);
        } else if (!/^[\w.~+/-]+=*$/.test(token)) {
          fail(`${place} has a character that no bearer token may have (RFC 6750, section 2.1)`);
        }
        return { name, token };

        function fail(message: string) {
          context.issues.push({ code: 'custom', input: undefined, message });
        }
      }),
  ),
);
