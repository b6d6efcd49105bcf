/** Where the Worker of a deployment reads its bucket. */
export interface DeployedBucket {
  name: string;
  /** R2 in this account, unless S3_BUCKET is set. */
  r2: { accountId: string; jurisdiction: string | undefined };
  /** The Worker's variables. If they have S3_BUCKET, it reads from that S3-compatible store. */
  variables: Record<string, string>;
}

/** How the trainer uploads to the bucket. */
export interface UploadTarget {
  /** Options of the trainer. They precede what the shell and its AWS profile have set. */
  options: string[];
  environment: NodeJS.ProcessEnv;
}

const hasKeys = (environment: NodeJS.ProcessEnv): boolean =>
  Boolean(environment.AWS_ACCESS_KEY_ID && environment.AWS_SECRET_ACCESS_KEY);

/**
 * Returns how to upload to the bucket that the Worker reads: R2's S3 API, or the S3 server of the Worker's variables.
 *
 * @param endpoint of `--endpoint`: the same store under another address
 * @returns `null` if the bucket is R2's and there are no keys: then nothing is uploaded
 * @throws {Error} if a variable of the shell names another endpoint
 */
export function uploadTarget(
  environment: NodeJS.ProcessEnv,
  { name, r2: binding, variables }: DeployedBucket,
  endpoint?: string,
): UploadTarget | null {
  const r2 = variables.S3_BUCKET ? null : binding;
  if (r2 && !hasKeys(environment)) return null;
  const workers = r2 ? r2Endpoint(r2) : variables.AWS_ENDPOINT_URL;
  if (endpoint === undefined) refuseForeign(environment, name, workers);
  const target = endpoint ?? workers;
  // R2 refuses the regions of AWS, which the shell may name.
  const region = r2 && endpoint === undefined ? 'auto' : variables.AWS_REGION;
  const { S3_PATH_STYLE: pathStyle } = variables;
  return {
    options: [
      ...(target ? ['--endpoint', target] : []),
      ...(region ? ['--region', region] : []),
      ...(pathStyle ? ['--path-style', pathStyle] : []),
    ],
    // A profile may have an endpoint, too.
    environment: target
      ? environment
      : { ...environment, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
  };
}

/** @param workers the endpoint that the Worker reads from; undefined: AWS */
function refuseForeign(environment: NodeJS.ProcessEnv, name: string, workers: string | undefined) {
  const variable = environment.AWS_ENDPOINT_URL_S3 ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
  const inShell = environment[variable];
  if (!inShell || withoutSlash(inShell) === withoutSlash(workers ?? '')) return;
  throw new Error(
    `${variable} is ${inShell} in this shell, but the Worker reads the bucket ${name} at ${workers ?? 'AWS'}. Unset ${variable}, or, if that is the same store under another address, deploy with --endpoint ${inShell}`,
  );
}

const withoutSlash = (url: string) => url.replace(/\/+$/, '');

const r2Endpoint = ({ accountId, jurisdiction }: DeployedBucket['r2']) =>
  `https://${accountId}.${jurisdiction ? `${jurisdiction}.` : ''}r2.cloudflarestorage.com`;
