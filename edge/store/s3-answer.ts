import type { AwsClient } from 'aws4fetch';
import type { S3Location } from './s3-location.ts';

/** An answer that is not one of those that a request expects. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';

  readonly status: number;
  readonly headers: Headers;
  readonly body: string;

  constructor({ status, headers }: Response, body: string) {
    super(`${status} ${valuesOf(body, '<Code>')[0] ?? ''}`.trim());
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** @param what such as `not a listing` */
export const notS3 = (what: string) =>
  new Error(`the endpoint does not speak S3: the answer is ${what}. Check AWS_ENDPOINT_URL.`);

/** A read that takes longer has hung: the largest object is a model's weights. */
const timeLimitMs = 20_000;

/** @returns the response if its status is one of `expected`, or null if there is no such object */
export async function request(
  client: AwsClient,
  url: string,
  expected: number[],
  init: RequestInit = {},
): Promise<Response | null> {
  const response = await client.fetch(url, { ...init, signal: AbortSignal.timeout(timeLimitMs) });
  if (expected.includes(response.status)) return response;
  const body = await response.text();
  // Proxies, and S3 if the bucket is missing, also answer 404: then a setting is wrong.
  if (response.status === 404 && body.includes('<Code>NoSuchKey</Code>')) return null;
  throw new AnswerError(response, body);
}

/** Only few answers need an explanation, so its code is loaded then. */
export async function explain(
  { status, headers, body }: AnswerError,
  operation: string,
  location: S3Location,
): Promise<string> {
  const { explainAnswer } = await import('../../shared/registry/s3-answer.ts');
  const [code] = valuesOf(body, '<Code>');
  const [message = ''] = valuesOf(body, '<Message>');
  const [region = headers.get('x-amz-bucket-region') ?? undefined] = valuesOf(body, '<Region>');
  const settings = {
    region: 'AWS_REGION',
    endpoint: 'AWS_ENDPOINT_URL',
    pathStyle: 'S3_PATH_STYLE',
  };
  const text = explainAnswer(
    { status, code, message: message.slice(0, 300), region },
    settings,
    operation === 'put',
  );
  // Anyone can read it in the Worker's answers. A server may repeat the credentials in its sentence.
  const { accessKeyId, secretAccessKey, sessionToken } = location;
  return [accessKeyId, secretAccessKey, sessionToken ?? '']
    .filter((secret) => secret !== '')
    .reduce((shown, secret) => shown.replaceAll(secret, '(removed)'), text);
}

/**
 * Returns the text after each occurrence of a tag. Keys are URL-encoded and tokens are base64, so neither contains XML
 * entities.
 */
export const valuesOf = (xml: string, tag: string) =>
  Array.from(xml.matchAll(new RegExp(`${tag}([^<]*)<`, 'g')), ([, text = '']) => text);
