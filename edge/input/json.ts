import * as z from 'zod/mini';
import { Problem } from '../errors.ts';
import { JsonError, parseJson } from '../json.ts';

/** Text needs several times its bytes: a string of it, the strings in JSON, and the files in base64 that they hold. */
export const maxTextBytes = 10 * 2 ** 20;
/** An image in rows in an object in a list in an object is 5 deep. A batch with channels in a protocol's body is 7. */
const maxDepth = 8;
/** 64 images of 28 rows with an array per pixel's channels are 52,000, and one of 224 rows 50,000. */
const maxContainers = 250_000;
/** 64 images of 784 numbers are 50,000. A body of commas would become ten million values. */
const maxValues = 1_000_000;
/** Enough for 784 numbers in quotes, a common mistake, to be reported with its position. Images have a few names each. */
const maxStrings = 10_000;

/** White space in JSON: tab, line feed, carriage return, space. */
const blanks = [0x09, 0x0a, 0x0d, 0x20];

/** Marks text as UTF-8. Some editors and programs write it. */
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** Whether the first character that is not a blank starts JSON. Raw pixels may start with the same byte. */
export function looksLikeJson(body: Uint8Array): boolean {
  const start = byteOrderMark.every((byte, i) => body[i] === byte) ? byteOrderMark.length : 0;
  const first = body.subarray(start).find((byte) => !blanks.includes(byte));
  return first === openObject || first === openArray || first === quote;
}

/**
 * Parses the JSON body of a request.
 *
 * @param what the name of the body in error messages
 * @param code the problem's code if the JSON does not match the schema
 * @throws {Problem} `bad_json` if the JSON is too deep or has too many values, `body_too_large`
 */
export function parseJsonBody<Schema extends z.core.$ZodType>(
  body: Uint8Array,
  schema: Schema,
  what: string,
  code: 'bad_json' | 'bad_request' = 'bad_json',
): z.output<Schema> {
  checkJsonBounds(body);
  try {
    return parseJson(body, schema, what);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new Problem(code, cause.message, { cause });
  }
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Checks the depth and the number of values of JSON before it is parsed. Ten megabytes of brackets or commas would take
 * many times that in memory. Bytes that are not JSON are left to the parser.
 *
 * @throws {Problem} `bad_json`, `body_too_large`
 */
export function checkJsonBounds(json: Uint8Array): void {
  checkTextBytes(json);
  let depth = 0;
  let containers = 0;
  let values = 0;
  let strings = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === quote) {
      if (++strings > maxStrings) throw tooMuch(`more than ${maxStrings} names and strings`);
      i = endOfString(json, i);
    } else if (byte === comma) {
      if (++values > maxValues) throw tooMuch(`more than ${maxValues} values`);
    } else if (byte === openArray || byte === openObject) {
      if (++depth > maxDepth) throw tooMuch(`arrays or objects more than ${maxDepth} deep`);
      if (++containers > maxContainers) {
        throw tooMuch(`more than ${maxContainers} arrays and objects`);
      }
    } else if (byte === closeArray || byte === closeObject) {
      depth--;
    }
  }
}

/** @throws {Problem} `body_too_large` */
export function checkTextBytes({ length }: Uint8Array): void {
  if (length <= maxTextBytes) return;
  const detail = `JSON and base64 may have at most ${maxTextBytes} bytes. Send a larger image as the body itself, or as a file in a form.`;
  throw new Problem('body_too_large', detail);
}

/** An array whose length is checked before its elements are: each of them could have a fault of its own. */
export const boundedList = <Element extends z.core.$ZodType>(element: Element, maxLength: number) =>
  z.pipe(
    z.custom<unknown[]>(
      (value) => Array.isArray(value) && value.length <= maxLength,
      `must be an array of at most ${maxLength} elements`,
    ),
    z.array(element),
  );

/** @returns the position of the closing quote; native code searches for it, because base64 is most of many bodies */
function endOfString(json: Uint8Array, start: number): number {
  let end = start;
  for (;;) {
    end = json.indexOf(quote, end + 1);
    if (end < 0) return json.length;
    let escapes = 0;
    while (json[end - 1 - escapes] === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
}

const tooMuch = (what: string) =>
  new Problem(
    'bad_json',
    `The body's JSON has ${what}. Send fewer images at once, or as files or raw bytes.`,
  );
