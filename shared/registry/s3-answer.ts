/** Explains what S3-compatible servers answer instead of success. Trainer and Worker share the causes and the advice. */

/** An answer of an S3-compatible server that is not the expected one. */
export interface S3Answer {
  status: number;
  /** S3's error code, such as `AccessDenied`, or `undefined` if the body has no code. */
  code: string | undefined;
  /** The server's own sentence. */
  message: string;
  /** The bucket's region, if the answer names it. */
  region?: string | undefined;
  /** How often the request was sent. */
  attempts?: number | undefined;
}

/** How a program names the settings that advice mentions. */
export interface SettingNames {
  /** Such as `--region`. */
  region: string;
  endpoint: string;
  pathStyle: string;
}

interface Explanation {
  cause: string;
  advice: string;
}

/** Why an answer can't be used that no S3 server would send. */
export const notS3 = 'the endpoint does not speak S3';

/** Codes of stores that are full: AWS, B2, Ceph, MinIO, Wasabi. */
const fullCodes =
  /^(QuotaExceeded|ServiceQuotaExceeded|StorageLimitExceeded|InsufficientCapacity|XMinioStorageFull|XMinioAdminBucketQuotaExceeded)/;
const conditions = /\bif-(none-)?match\b/i;

/** Whether a store has answered that it does not know conditional writes. */
export const refusesConditions = ({
  status,
  message,
}: Pick<S3Answer, 'status' | 'message'>): boolean =>
  status === 501 || (status === 400 && conditions.test(message));

/**
 * Returns the cause, the server's own code and sentence, and what to do.
 *
 * @param isConditional the request was a conditional write
 */
export function explainAnswer(
  answer: S3Answer,
  settings: SettingNames,
  isConditional = false,
): string {
  const { status, code, attempts = 1 } = answer;
  const said = [`HTTP ${status}${code ? ` ${code}` : ''}`, answer.message.replace(/\.$/, '')]
    .filter((part) => part !== '')
    .join(': ');
  const { cause, advice } = explanationOf(answer, settings, isConditional);
  return `${cause} (${said}${attempts > 1 ? ` after ${attempts} attempts` : ''}). ${advice}`;
}

function explanationOf(
  answer: S3Answer,
  settings: SettingNames,
  isConditional: boolean,
): Explanation {
  const { status, code = '', message } = answer;
  if (/^(ExpiredToken|TokenRefreshRequired)/.test(code)) {
    const advice =
      'Get new ones, for example with `aws sso login`, and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN together.';
    return { cause: 'the temporary credentials have expired', advice };
  }
  if (code === 'RequestTimeTooSkewed') {
    const advice = 'Set the clock of this machine: S3 accepts a difference of 15 minutes.';
    return { cause: "this machine's clock and the server's differ", advice };
  }
  const region = regionOf(answer);
  if (region !== null) {
    const advice = `Set ${settings.region} to ${region || "the bucket's region"}.`;
    return { cause: 'the bucket is in another region', advice };
  }
  if (
    /^(SecondLevelDomainForbidden|PathStyleDomainForbidden|InvalidPathAccess)$/.test(code) ||
    /third[- ]level domain|virtual[- ]host/i.test(message)
  ) {
    return {
      cause: 'the server wants the bucket in the host name, not in the path',
      advice: `Set ${settings.pathStyle} to false.`,
    };
  }
  if (code === 'NoSuchBucket') {
    const advice = `Create it, or correct its name or ${settings.endpoint}.`;
    return { cause: 'there is no such bucket', advice };
  }
  if (status === 507 || fullCodes.test(code)) {
    const advice = "Delete old versions with `catwalk prune`, or raise the store's quota.";
    return { cause: 'the store is full', advice };
  }
  if (isConditional && refusesConditions(answer)) {
    const advice =
      'Use a store that has them, such as AWS S3, R2 or MinIO, or publish with --allow-unsafe-store from one publisher at a time.';
    return { cause: 'the store does not support conditional writes', advice };
  }
  if (status === 409) {
    return { cause: 'other requests keep writing this object', advice: 'Try again later.' };
  }
  if (status === 401 || status === 403) {
    const advice =
      'Check that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are right, and may read, list and write there.';
    return { cause: 'permission denied', advice };
  }
  if (status === 429 || code === 'SlowDown') {
    const advice = 'Try again later, with fewer publishers at a time.';
    return { cause: 'the store limits the number of requests', advice };
  }
  if (status >= 500) {
    return { cause: 'the store is not available', advice: 'Try again later.' };
  }
  // The answer of a proxy or a web server has no code of S3.
  return code === ''
    ? { cause: notS3, advice: `Check ${settings.endpoint}, and proxies on the way.` }
    : { cause: 'the store refused the request', advice: `Check ${settings.endpoint}.` };
}

/** @returns the bucket's region, '' if the answer says only that it is a wrong one, or null if it does not say so */
function regionOf({ status, code = '', message, region }: S3Answer): string | null {
  const [, expected] = /expecting '([a-z0-9-]+)'/.exec(message) ?? [];
  const named = expected ?? region;
  const isRedirect = status === 301 || status === 307 || status === 308;
  if (/^(PermanentRedirect|TemporaryRedirect|IllegalLocationConstraint|InvalidRegion)/.test(code)) {
    return named ?? '';
  }
  if (named && (isRedirect || code === 'AuthorizationHeaderMalformed')) return named;
  return null;
}
