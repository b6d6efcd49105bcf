import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { StepError } from '../process/run-program.ts';
import { repository, runCommand, waitUntilReady } from './commands.ts';
import type { DeployOptions } from './deploy-options.ts';

/** The settings of an environment of wrangler.jsonc that a deployment needs. */
const configSchema = z.object({
  name: z.string(),
  account_id: z.string().optional(),
  vars: z.record(z.string(), z.string()),
  r2_buckets: z.array(z.object({ binding: z.string(), bucket_name: z.string().optional() })),
});

const whoamiSchema = z.object({
  loggedIn: z.literal(true),
  accounts: z.array(z.object({ id: z.string(), name: z.string() })),
});

/** A line of Wrangler's output file, WRANGLER_OUTPUT_FILE_PATH. */
const deployedSchema = z.object({
  type: z.literal('deploy'),
  version_id: z.string(),
  targets: z.array(z.string()),
});

/** Matches a host. Wrangler's targets may also be routes with a path, or schedules. */
const hostPattern = /^(https:\/\/)?[a-z0-9-]+(\.[a-z0-9-]+)+$/;

/** Cloudflare's error code for a missing bucket. */
const bucketMissing = 'code: 10006';

/**
 * Deploys an environment of wrangler.jsonc. Each step keeps what already exists, so a failed deployment can be run again.
 *
 * @throws {Error} if a step fails; the message says what to do
 */
export async function deployWorker(
  { env, url, config: configFile, dryRun }: DeployOptions,
  environment: NodeJS.ProcessEnv,
  print: (line: string) => void,
): Promise<void> {
  const { unstable_readConfig } = await import('wrangler');
  const file = resolve(repository, configFile);
  const config = configSchema.parse(
    unstable_readConfig({ config: file, env }, { hideWarnings: true }),
  );
  const { vars: variables } = config;
  const bound = config.r2_buckets.find(({ binding }) => binding === 'BUCKET')?.bucket_name;
  const bucket = variables.S3_BUCKET || bound;
  if (bucket === undefined) {
    throw new Error(
      `${configFile}: env.${env} has neither a BUCKET binding nor the variable S3_BUCKET.`,
    );
  }
  const usesR2 = bucket === bound;
  const withConfig = (...argv: string[]) => [...argv, '--config', file, '--env', env];
  const bucketUrl = `s3://${bucket}/${variables.BUCKET_PREFIX ?? ''}`.replace(/\/$/, '');
  const upload = ['data', 'upload', '--bucket', bucketUrl];
  upload.push('--dataset', variables.DATASET_NAME ?? 'fashion-mnist');

  if (dryRun) {
    await runCommand('wrangler', withConfig('deploy', '--minify', '--dry-run'), environment, {
      show: true,
    });
    print(`Would check the login: wrangler whoami`);
    if (bound) print(`Would create the R2 bucket ${bound} if it is missing`);
    print(`Would upload the test set: catwalk ${upload.join(' ')}`);
    print(`Would deploy ${config.name} (${env}), and wait for /readyz`);
    return;
  }

  const account = await chooseAccount(environment, config.account_id);
  print(`Logged in to Cloudflare; account ${account.name}`);
  const inAccount = { ...environment, CLOUDFLARE_ACCOUNT_ID: account.id };
  if (bound) print(await ensureBucket(bound, withConfig, inAccount));
  await runCommand('catwalk', upload, uploadEnvironment(inAccount, variables, usesR2, account.id), {
    show: true,
  });
  const deployed = await deploy(withConfig('deploy', '--minify'), inAccount);
  const host = deployed.targets.find((target) => hostPattern.test(target));
  const address = url ?? (host && `https://${host.replace('https://', '')}`);
  print(`Deployed version ${deployed.version_id} of ${config.name}`);
  if (address === undefined) {
    throw new Error('The Worker is deployed, but Wrangler printed no address. Pass it with --url.');
  }
  const readiness = await waitUntilReady(address);
  if (readiness.state === 'ready') {
    print(`It serves ${readiness.version} at ${address}`);
    if (readiness.failure)
      print(`Its alias names another version, which failed: ${readiness.failure}`);
    return;
  }
  print(`It answers at ${address}, and has no model yet. Train and publish one:`);
  print(`  npx catwalk train --publish ${bucketUrl}`);
}

async function chooseAccount(environment: NodeJS.ProcessEnv, configured: string | undefined) {
  let answer: string;
  try {
    answer = await runCommand('wrangler', ['whoami', '--json'], environment);
  } catch (cause) {
    throw new Error(
      'Not logged in to Cloudflare. Run npx wrangler login, or set CLOUDFLARE_API_TOKEN (docs/09-deploy-and-operate.md).',
      { cause },
    );
  }
  const { accounts } = whoamiSchema.parse(JSON.parse(answer.slice(answer.indexOf('{'))));
  const named = environment.CLOUDFLARE_ACCOUNT_ID || configured;
  const found = accounts.filter(({ id }) => named === undefined || id === named);
  const [account, ...others] = found;
  if (account && others.length === 0) return account;
  const known = accounts.map(({ id, name }) => `\n  ${id}  ${name}`).join('');
  throw new Error(`Set CLOUDFLARE_ACCOUNT_ID to one of your accounts:${known}`);
}

async function ensureBucket(
  bucket: string,
  withConfig: (...argv: string[]) => string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  try {
    await runCommand('wrangler', withConfig('r2', 'bucket', 'info', bucket, '--json'), environment);
    return `The bucket ${bucket} exists`;
  } catch (error) {
    if (!(error instanceof StepError) || !error.output.includes(bucketMissing)) throw error;
  }
  await runCommand('wrangler', withConfig('r2', 'bucket', 'create', bucket), environment);
  return `Created the bucket ${bucket}`;
}

/** The environment in which the trainer reaches the bucket: R2's S3 API, or the S3 server of the Worker's variables. */
function uploadEnvironment(
  environment: NodeJS.ProcessEnv,
  { AWS_ENDPOINT_URL, AWS_REGION }: Record<string, string>,
  usesR2: boolean,
  accountId: string,
): NodeJS.ProcessEnv {
  if (usesR2 && !(environment.AWS_ACCESS_KEY_ID && environment.AWS_SECRET_ACCESS_KEY)) {
    throw new Error(
      'Uploading the test set needs the S3 API of R2. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an R2 API token of this account (docs/09-deploy-and-operate.md).',
    );
  }
  const endpoint = usesR2 ? `https://${accountId}.r2.cloudflarestorage.com` : AWS_ENDPOINT_URL;
  return {
    ...environment,
    ...(endpoint && !environment.AWS_ENDPOINT_URL && { AWS_ENDPOINT_URL: endpoint }),
    ...(AWS_REGION && !environment.AWS_REGION && { AWS_REGION }),
  };
}

async function deploy(argv: string[], environment: NodeJS.ProcessEnv) {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-deploy-'));
  const output = join(folder, 'output.ndjson');
  try {
    const env = { ...environment, WRANGLER_OUTPUT_FILE_PATH: output };
    await runCommand('wrangler', argv, env, { show: true });
    const lines = (await readFile(output, 'utf8')).trim().split('\n');
    const found = lines.map((line) => deployedSchema.safeParse(JSON.parse(line)));
    const deployed = found.find(({ success }) => success)?.data;
    if (deployed) return deployed;
    throw new Error('Wrangler did not report a deployment. Check its output above.');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
