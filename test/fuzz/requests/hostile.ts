import * as fc from 'fast-check';

/** Texts at and beyond the limits of a parameter. */
export const hostileTexts: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    '00',
    '٣',
    '1,2',
    '9'.repeat(400),
    'null',
    'undefined',
    'NaN',
    'true',
    'false',
    'TRUE',
    '[]',
    '{}',
    '*',
    '"',
    "'",
    ',',
    ';',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    '<script>',
    '%',
    '%s',
    '..',
    '../../etc/passwd',
    './predict',
    '\\',
    '\0',
    '\r\nx: y',
    '\u2028',
    '\ufeff',
    '😀',
    'é',
    'a\u0301',
    'production',
    'PRODUCTION',
    'latest',
    'a'.repeat(33),
    'a'.repeat(8000),
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.toWellFormed()),
  fc.integer().map(String),
  fc.double().map(String),
);

/** Removes the characters that HTTP does not allow in a header's value. */
export const toHeaderValue = (text: string): string =>
  text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '').trim();

/** Removes the characters that HTTP does not allow in a target. */
const toTarget = (text: string) => text.replaceAll(/[^\x21-\xff]/g, '');

const brokenEscapes = fc.constantFrom(
  '%',
  '%f',
  '%zz',
  '%ff',
  '%c3',
  '%00',
  '%25',
  '%2f',
  '%2e%2e',
);

/** Any text in a path or query: escaped correctly, not at all, or wrongly. */
export const escaped = (texts: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: texts.map(encodeURIComponent) },
    { weight: 1, arbitrary: texts.map(toTarget) },
    {
      weight: 1,
      arbitrary: fc.tuple(texts.map(toTarget), brokenEscapes).map((parts) => parts.join('')),
    },
  );

/**
 * Mostly valid values, sometimes invalid ones.
 *
 * @param wrong the number of invalid values in ten
 */
export const mostly = <Value>(
  right: fc.Arbitrary<Value>,
  wrong: fc.Arbitrary<Value>,
  share = 2,
): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 10 - share, arbitrary: right }, { weight: share, arbitrary: wrong });
