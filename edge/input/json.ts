import { Problem } from '../errors.ts';

/** An image in rows in an object in a list in an object is 5 deep; a batch with channels in a protocol's body 7. */
const deepest = 8;
/** 64 images of 28 rows with a channel's array a pixel are 52,000. */
const mostContainers = 100_000;

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
/** 64 images of 784 numbers are 50,000; a body of commas alone would become ten million values. */
const mostValues = 1_000_000;

/**
 * Looks how deep JSON nests and how much is in it before it is parsed: ten megabytes of brackets or commas would become many times
 * that in memory. What is no JSON is left to the parser.
 *
 * @throws {Problem} `bad_json`
 */
export function checkJsonBounds(json: Uint8Array): void {
  let depth = 0;
  let containers = 0;
  let values = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === quote) {
      i = endOfString(json, i);
    } else if (byte === comma) {
      if (++values > mostValues) throw tooMuch(`more than ${mostValues} values`);
    } else if (byte === openArray || byte === openObject) {
      if (++depth > deepest) throw tooMuch(`arrays or objects more than ${deepest} deep`);
      if (++containers > mostContainers) {
        throw tooMuch(`more than ${mostContainers} arrays and objects`);
      }
    } else if (byte === closeArray || byte === closeObject) {
      depth--;
    }
  }
}

/** @returns the place of the closing quote: base64 is most of many a body, so native code looks for it */
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
  new Problem('bad_json', `The body's JSON has ${what}; no images do.`);
