/** How stores behave that users of S3-compatible storage have reported, one behaviour each. */
import { type Behaviour, type StandInRequest, s3Error } from './stand-in.ts';

const isConditionalWrite = ({ method, headers }: StandInRequest): boolean =>
  method === 'PUT' && ('if-match' in headers || 'if-none-match' in headers);

const html = (status: number) => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Welcome to nginx</body></html>',
});

/** Stores with which everything works, although they differ from AWS. */
export const usableStores: Record<string, () => Behaviour> = {
  correct: () => (request, answer) => answer(request),
  'weak ETags': () => async (request, answer) => {
    const answered = await answer(request);
    const { etag } = answered.headers ?? {};
    return etag ? { ...answered, headers: { ...answered.headers, etag: `W/${etag}` } } : answered;
  },
  '417 to Expect': () => (request, answer) =>
    'expect' in request.headers ? { status: 417, body: '' } : answer(request),
  'two conflicts per object': () => {
    const conflicts = new Map<string, number>();
    return (request, answer) => {
      const count = conflicts.get(request.key) ?? 0;
      if (!isConditionalWrite(request) || count === 2) return answer(request);
      conflicts.set(request.key, count + 1);
      return conflict;
    };
  },
};

const conflict = s3Error(
  409,
  'ConditionalRequestConflict',
  'The conditional request cannot succeed due to a conflicting operation against this resource.',
);

/** Answers 409 while another write of the same object is under way, as R2 and S3 do. */
export function contendedStore(): Behaviour {
  const writing = new Set<string>();
  return async (request, answer) => {
    if (request.method !== 'PUT') return answer(request);
    if (writing.has(request.key)) return conflict;
    writing.add(request.key);
    // Long enough for the other publishers' requests to arrive.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    try {
      return await answer(request);
    } finally {
      writing.delete(request.key);
    }
  };
}

/** Answers 429 to a second write of an object within this time, also if its condition does not hold. R2's is a second. */
export function limitedStore(milliseconds: number): Behaviour {
  const written = new Map<string, number>();
  return (request, answer) => {
    if (request.method !== 'PUT') return answer(request);
    const now = performance.now();
    const isTooSoon = now - (written.get(request.key) ?? -Infinity) < milliseconds;
    if (isTooSoon) return s3Error(429, 'TooManyRequests', 'Reduce the rate of your requests.');
    written.set(request.key, now);
    return answer(request);
  };
}

export const ignoresConditions: Behaviour = (request, answer) => {
  if (request.method !== 'PUT') return answer(request);
  const { 'if-match': _, 'if-none-match': __, ...headers } = request.headers;
  return answer({ ...request, headers });
};

export const refusesConditions: Behaviour = (request, answer) =>
  isConditionalWrite(request)
    ? s3Error(501, 'NotImplemented', 'A header you provided implies functionality.')
    : answer(request);

interface FailingStore {
  behaviour: Behaviour;
  /** The pattern that the trainer's and the Worker's error must match. */
  says: RegExp;
}

const always =
  (...answer: Parameters<typeof s3Error>): Behaviour =>
  () =>
    s3Error(...answer);

/** Stores that refuse every request, and what the errors have to say about them. */
export const failingStores: Record<string, FailingStore> = {
  'wrong region, 301': {
    behaviour: always(301, 'PermanentRedirect', 'Address it at the specified endpoint.', {
      headers: { 'x-amz-bucket-region': 'eu-west-3' },
    }),
    says: /another region \(HTTP 301 PermanentRedirect: Address it .*\)\. Set (--region|AWS_REGION) to eu-west-3\./,
  },
  'wrong region, 400': {
    behaviour: always(
      400,
      'AuthorizationHeaderMalformed',
      "The region 'auto' is wrong; expecting 'eu-west-1'",
      { elements: '<Region>eu-west-1</Region>' },
    ),
    says: /another region \(HTTP 400 .*expecting 'eu-west-1'\)\. Set (--region|AWS_REGION) to eu-west-1\./,
  },
  'invalid region': {
    behaviour: always(
      400,
      'InvalidRegionName',
      'Must be one of: wnam, enam, weur, eeur, apac, auto',
    ),
    says: /another region \(.*Must be one of: wnam, .*auto\)\. Set .* to the bucket's region\./,
  },
  'expired token': {
    behaviour: always(400, 'ExpiredToken', 'The provided token has expired.'),
    says: /credentials have expired \(HTTP 400 ExpiredToken: The provided token has expired\)\. .*AWS_SESSION_TOKEN/,
  },
  'clock skew': {
    behaviour: always(403, 'RequestTimeTooSkewed', 'The difference is too large.'),
    says: /clock and the server's differ \(HTTP 403 RequestTimeTooSkewed: The difference is too large.*\)\. Set the clock/,
  },
  'host style only': {
    behaviour: always(403, 'SecondLevelDomainForbidden', 'Please use OSS third level domain.'),
    says: /bucket in the host name.*SecondLevelDomainForbidden.*Set (--path-style|S3_PATH_STYLE) to false\./,
  },
  'quota exceeded': {
    behaviour: always(403, 'QuotaExceeded', 'Bucket quota exceeded.'),
    says: /the store is full \(HTTP 403 QuotaExceeded: Bucket quota exceeded\)\. .*catwalk prune/,
  },
  'no permission': {
    behaviour: always(403, 'AccessDenied', 'Access Denied.'),
    says: /permission denied \(HTTP 403 AccessDenied: Access Denied\)\. Check .*AWS_SECRET_ACCESS_KEY/,
  },
  'HTML 404': {
    behaviour: () => html(404),
    says: /the endpoint does not speak S3 \(HTTP 404\)\. Check AWS_ENDPOINT_URL/,
  },
  'HTML 200': {
    behaviour: () => html(200),
    says: /the endpoint does not speak S3.*Check AWS_ENDPOINT_URL/,
  },
};

/** Lists one page and says that there are more, without the token to get them. */
export const truncatesListings: Behaviour = (request, answer) =>
  request.method === 'GET' && request.key === ''
    ? {
        status: 200,
        body: '<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>',
      }
    : answer(request);

export const conflictsForever: Behaviour = (request, answer) =>
  isConditionalWrite(request) ? conflict : answer(request);
