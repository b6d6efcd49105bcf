/** Where the Worker of a deployment reads its bucket. */
export interface DeployedBucket {
  name: string;
  /** The R2 binding, or null for an S3-compatible store. */
  r2: { accountId: string; jurisdiction: string | undefined } | null;
  /** The Worker's variables. */
  variables: Record<string, string>;
}

/**
 * Returns the environment in which the trainer uploads to the bucket: R2's S3 API, or the S3 server of the Worker's variables.
 * An endpoint that the shell has set is kept, with a warning if the Worker reads another one.
 *
 * @throws {Error} if the keys are missing
 */
export function uploadEnvironment(
  environment: NodeJS.ProcessEnv,
  { name, r2, variables }: DeployedBucket,
): { environment: NodeJS.ProcessEnv; warning: string | null } {
  if (r2 && !(environment.AWS_ACCESS_KEY_ID && environment.AWS_SECRET_ACCESS_KEY)) {
    throw new Error(
      'Uploading the test set needs the S3 API of R2. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an R2 API token of this account (docs/09-deploy-and-operate.md).',
    );
  }
  const { AWS_REGION } = variables;
  const endpoint = r2 ? r2Endpoint(r2) : variables.AWS_ENDPOINT_URL;
  const variable = environment.AWS_ENDPOINT_URL_S3 ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
  const inShell = environment[variable];
  const isForeign = inShell && inShell.replace(/\/+$/, '') !== endpoint?.replace(/\/+$/, '');
  return {
    environment: {
      ...environment,
      ...(endpoint && !inShell && { AWS_ENDPOINT_URL: endpoint }),
      ...(AWS_REGION && !environment.AWS_REGION && { AWS_REGION }),
    },
    warning: isForeign
      ? `Warning: ${variable} is ${inShell} in this shell, so the test set goes there. The Worker reads the bucket ${name} at ${endpoint ?? 'AWS'}. Unless that is the same store, unset ${variable} and deploy again.`
      : null,
  };
}

const r2Endpoint = ({ accountId, jurisdiction }: NonNullable<DeployedBucket['r2']>) =>
  `https://${accountId}.${jurisdiction ? `${jurisdiction}.` : ''}r2.cloudflarestorage.com`;
