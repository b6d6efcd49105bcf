import { Problem } from '../errors.ts';
import { base64Bytes } from './text.ts';

/** A part of a form. */
export interface FormPart {
  name: string;
  /** `null` if the part has no file name, like text fields and the files of some clients. */
  fileName: string | null;
  /** In lower case, without parameters. '' if the part has no Content-Type. */
  contentType: string;
  /** A view of the body, not a copy. */
  bytes: Uint8Array;
}

/** 64 images and as many fields again. */
const maxParts = 128;
const maxHeaderBytes = 16 * 1024;
const [lineFeed, carriageReturn, dash] = [0x0a, 0x0d, 0x2d];
const blanks = [0x20, 0x09, carriageReturn];

/**
 * Parses multipart/form-data (RFC 7578) as clients send it: names without quotes, lines that end with a line feed only, a Content-Type without
 * its boundary. The runtime's `formData()` does not accept these and copies every file, and neither do the parsers of npm that run in a Worker.
 *
 * @param contentType the request's header
 * @throws {Problem} `bad_multipart`
 */
export function parseMultipart(body: Uint8Array, contentType: string): FormPart[] {
  const boundary = boundaryOf(body, contentType);
  const delimiter = new TextEncoder().encode(`--${boundary}`);
  const parts: FormPart[] = [];
  let line = findDelimiter(body, delimiter, 0);
  if (line === null) throw invalid(`The line "--${boundary}", which starts a part, is missing.`);
  while (!line.isLast) {
    const next = findDelimiter(body, delimiter, line.after);
    if (next === null) {
      throw invalid(`It is cut off: the line "--${boundary}--", which ends it, is missing.`);
    }
    if (parts.length === maxParts) throw invalid(`It has more than ${maxParts} parts.`);
    parts.push(parsePart(body.subarray(line.after, next.before)));
    line = next;
  }
  return parts;
}

/** Returns what the body's first line says: some clients set the header without the boundary, or with another. Only a preamble needs the header. */
function boundaryOf(body: Uint8Array, contentType: string): string {
  const [, quoted, plain] = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^;]*))/i.exec(contentType) ?? [];
  const declared = quoted ?? plain?.trim() ?? '';
  const start = new TextDecoder().decode(body.subarray(0, 200));
  const [, found] = /^\s*--([^\r\n]{1,100}?)[ \t]*\r?\n/.exec(start) ?? [];
  // A form without parts has only its last line.
  if (found !== undefined && found !== `${declared}--`) return found;
  if (declared !== '') return declared;
  throw invalid(
    'Content-Type has no boundary. Let the client set the header: it knows the boundary.',
  );
}

/** The line between two parts. */
interface DelimiterLine {
  /** The end of the part before. */
  before: number;
  /** The start of the part after. */
  after: number;
  isLast: boolean;
}

/** @returns the next line that is the delimiter, at `from` or after a line feed */
function findDelimiter(
  body: Uint8Array,
  delimiter: Uint8Array,
  from: number,
): DelimiterLine | null {
  for (let start = body.indexOf(dash, from); start >= 0; start = body.indexOf(dash, start + 1)) {
    if (start > from && body[start - 1] !== lineFeed) continue;
    const line = delimiterAt(body, delimiter, start);
    if (line === null) continue;
    const lineBreak = body[start - 2] === carriageReturn ? 2 : 1;
    return { ...line, before: Math.max(from, start - lineBreak) };
  }
  return null;
}

function delimiterAt(body: Uint8Array, delimiter: Uint8Array, start: number) {
  for (let i = 0; i < delimiter.length; i++) {
    if (body[start + i] !== delimiter[i]) return null;
  }
  let end = start + delimiter.length;
  if (body[end] === dash && body[end + 1] === dash) return { after: body.length, isLast: true };
  while (blanks.includes(body[end] as number)) end++;
  // Else a longer boundary begins with this one.
  return body[end] === lineFeed ? { after: end + 1, isLast: false } : null;
}

function parsePart(part: Uint8Array): FormPart {
  const { header, content } = splitPart(part);
  const field = (name: string) =>
    new RegExp(`^${name}[ \\t]*:([^\\r\\n]*(?:\\r?\\n[ \\t][^\\r\\n]*)*)`, 'im')
      .exec(header)?.[1]
      ?.trim() ?? '';
  const disposition = field('content-disposition');
  const parameter = (name: string) => {
    const [, quoted, plain] =
      new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;]*))`, 'i').exec(
        disposition,
      ) ?? [];
    return quoted ?? plain?.trim() ?? null;
  };
  const name = parameter('name') ?? '';
  return {
    name,
    fileName: parameter('filename') ?? parameter('filename\\*'),
    contentType: field('content-type').split(';')[0]?.trim().toLowerCase() ?? '',
    bytes: decoded(content, field('content-transfer-encoding').toLowerCase(), name),
  };
}

/** Splits a part at its first empty line. */
function splitPart(part: Uint8Array): { header: string; content: Uint8Array } {
  for (let start = 0; start < Math.min(part.length, maxHeaderBytes); ) {
    const end = part.indexOf(lineFeed, start);
    if (end < 0) break;
    const isEmpty = end === start || (end === start + 1 && part[start] === carriageReturn);
    if (isEmpty) {
      const header = new TextDecoder().decode(part.subarray(0, start));
      return { header, content: part.subarray(end + 1) };
    }
    start = end + 1;
  }
  throw invalid('A part has no empty line after its headers, or more than 16 KiB of them.');
}

function decoded(content: Uint8Array, encoding: string, name: string): Uint8Array {
  if (['', 'binary', '7bit', '8bit'].includes(encoding)) return content;
  if (encoding === 'base64') return base64Bytes(new TextDecoder('latin1').decode(content));
  throw invalid(
    `The Content-Transfer-Encoding of part "${name}" is "${encoding}"; it may be base64, binary, or missing.`,
  );
}

const invalid = (detail: string) =>
  new Problem('bad_multipart', `The form can't be read. ${detail}`);
