import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';

/** A request of any kind, as it goes over the wire. */
export interface RouteRequest {
  method: string;
  /** Path and query. */
  target: string;
  headers: Record<string, string>;
  body: Uint8Array | null;
  /** Sends the body without its length. */
  isChunked: boolean;
}

/** @returns the same request, which fast-check prints as the command that sends it */
export const printable = (request: RouteRequest): RouteRequest & fc.WithToStringMethod => ({
  ...request,
  [fc.toStringMethod]: () => curlOf(request),
});

/** @returns a line for a shell; `$URL` stands for the Worker's address */
function curlOf({ method, target, headers, body, isChunked }: RouteRequest): string {
  const head = method === 'HEAD' ? '--head' : `-X ${method}`;
  const lines = Object.entries(headers).map(
    // A semicolon makes curl send a header without a value.
    ([name, value]) => ` -H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`,
  );
  const chunked = isChunked && body !== null ? " -H 'Transfer-Encoding: chunked'" : '';
  const curl = `curl -i --path-as-is ${head}${lines.join('')}${chunked} "$URL"${quoted(target)}`;
  if (body === null) return curl;
  return `echo ${gzipSync(body).toString('base64')} | base64 -d | gunzip | ${curl} --data-binary @-`;
}

const quoted = (text: string) =>
  /^[\x20-\x7e]*$/.test(text)
    ? `'${text.replaceAll("'", "'\\''")}'`
    : `$'${Array.from(Buffer.from(text, 'latin1'), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}'`;
