import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { StepError } from '../process/run-program.ts';
import { chooseAccount } from './account.ts';
import { repository, runCommand, waitUntilReady } from './commands.ts';
import type { DeployOptions } from './deploy-options.ts';
import { refreshSnapshot } from './refresh-snapshot.ts';
import { uploadTarget } from './upload-target.ts';

/** The settings of an environment of wrangler.jsonc that a deployment needs. */
const configSchema = z.object({
  name: z.string(),
  account_id: z.string().optional(),
  vars: z.record(z.string(), z.string()),
  r2_buckets: z.array(
    z.object({
      binding: z.string(),
      bucket_name: z.string().optional(),
      /** Such as `eu` or `fedramp`. */
      jurisdiction: z.string().optional(),
    }),
  ),
  routes: z
    .array(
      z.union([
        z.string(),
        z.object({ pattern: z.string(), custom_domain: z.boolean().optional() }),
      ]),
    )
    .optional(),
});

/** A line of Wrangler's output file, WRANGLER_OUTPUT_FILE_PATH. */
const deployedSchema = z.object({
  type: z.literal('deploy'),
  version_id: z.string(),
  targets: z.array(z.string()),
});

/**
 * Returns the address of a Worker: its first custom domain, or else the one at workers.dev.
 *
 * @param targets what Wrangler reports, such as `catwalk.example.com (custom domain)`. They may also be routes with a path, or schedules
 */
export function addressOf(targets: readonly string[]): string | undefined {
  const hosts = targets.flatMap((target) => {
    const [, host, domain] =
      /^(?:https:\/\/)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)( \(custom domain.*)?$/.exec(target) ?? [];
    return host ? [{ host, isDomain: domain !== undefined }] : [];
  });
  const found = hosts.find(({ isDomain }) => isDomain) ?? hosts[0];
  return found && `https://${found.host}`;
}

/** Cloudflare's error code for a missing bucket. */
const bucketMissing = 'code: 10006';

/**
 * Deploys an environment of wrangler.jsonc. Each step keeps what already exists, so a failed deployment can be run again.
 *
 * @throws {Error} if a step fails; the message says what to do
 */
export async function deployWorker(
  { env: chosen, url, endpoint, config: configFile, dryRun }: DeployOptions,
  environment: NodeJS.ProcessEnv,
  print: (line: string) => void,
): Promise<void> {
  const { unstable_readConfig } = await import('wrangler');
  // The Deploy to Cloudflare button writes the names of its Worker and bucket to the top level of the configuration.
  const env = chosen ?? (environment.WORKERS_CI ? 'top-level' : 'production');
  const named = env === 'top-level' ? '' : env;
  const file = resolve(repository, configFile);
  const config = configSchema.parse(
    unstable_readConfig({ config: file, env: named }, { hideWarnings: true }),
  );
  const { vars: variables } = config;
  const { bucket_name: bound, jurisdiction } =
    config.r2_buckets.find(({ binding }) => binding === 'BUCKET') ?? {};
  const bucket = variables.S3_BUCKET || bound;
  if (bucket === undefined) {
    throw new Error(
      `${configFile}: env.${env} has neither a BUCKET binding nor the variable S3_BUCKET.`,
    );
  }
  const domains = (config.routes ?? []).flatMap((route) =>
    typeof route === 'object' && route.custom_domain ? [route.pattern] : [],
  );
  const withConfig = (...argv: string[]) => [...argv, '--config', file, `--env=${named}`];
  const bucketUrl = `s3://${bucket}/${variables.BUCKET_PREFIX ?? ''}`.replace(/\/$/, '');
  const upload = ['data', 'upload', '--bucket', bucketUrl];
  upload.push('--dataset', variables.DATASET_NAME ?? 'fashion-mnist');

  if (dryRun) {
    await runCommand('wrangler', withConfig('deploy', '--minify', '--dry-run'), environment, {
      show: true,
    });
    print(`Would check the login: wrangler whoami`);
    if (bound) print(`Would create the R2 bucket ${bound} if it is missing`);
    print(`Would upload the test set, if there are keys: catwalk ${upload.join(' ')}`);
    print(`Would put the version that the bucket serves among the static assets`);
    print(`Would deploy ${config.name} (${env}), and wait for /readyz`);
    for (const domain of domains) print(`Would ${pointing(domain)}`);
    return;
  }

  const account = await chooseAccount(environment, config.account_id);
  print(`Logged in to Cloudflare; account ${account.name}`);
  const inAccount = { ...environment, CLOUDFLARE_ACCOUNT_ID: account.id };
  const deployedBucket = { name: bucket, r2: { accountId: account.id, jurisdiction }, variables };
  const target = uploadTarget(inAccount, deployedBucket, endpoint);
  if (bound) print(await ensureBucket(bound, jurisdiction, withConfig, inAccount));
  if (target) {
    upload.push(...target.options);
    await runCommand('catwalk', upload, target.environment, { show: true });
  } else {
    print(
      'The test set is not uploaded, because AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set. `train --publish` uploads it, too',
    );
  }
  const inJurisdiction = jurisdiction ? ['--jurisdiction', jurisdiction] : [];
  const wranglerArguments = withConfig(...inJurisdiction);
  print(
    await refreshSnapshot({
      bucketUrl,
      target,
      wranglerArguments,
      environment: inAccount,
      variables,
    }),
  );
  // Wrangler asks about it only at a terminal.
  for (const domain of domains) print(`The deployment will ${pointing(domain)}`);
  const deployed = await deploy(withConfig('deploy', '--minify'), inAccount);
  const address = url ?? addressOf(deployed.targets);
  print(`Deployed version ${deployed.version_id} of ${config.name}`);
  if (address === undefined) {
    throw new Error('The Worker is deployed, but Wrangler printed no address. Pass it with --url.');
  }
  const readiness = await waitUntilReady(address);
  if (readiness.state === 'ready' && !readiness.isSnapshot) {
    print(`It serves ${readiness.version} at ${address}`);
    if (readiness.failure)
      print(`Its alias names another version, which failed: ${readiness.failure}`);
    return;
  }
  print(
    readiness.state === 'ready'
      ? `It answers at ${address} with the model that the deployment carries, ${readiness.version}: ${readiness.failure}`
      : `It answers at ${address}, and has no model yet. Train and publish one:`,
  );
  print(`  npx catwalk train --publish ${bucketUrl}`);
}

const pointing = (domain: string) =>
  `point ${domain} to this Worker, in place of any DNS record or Worker that it names now`;

async function ensureBucket(
  bucket: string,
  jurisdiction: string | undefined,
  withConfig: (...argv: string[]) => string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const inJurisdiction = jurisdiction ? ['--jurisdiction', jurisdiction] : [];
  const r2 = (...argv: string[]) =>
    runCommand('wrangler', withConfig('r2', 'bucket', ...argv, ...inJurisdiction), environment);
  try {
    await r2('info', bucket, '--json');
    return `The bucket ${bucket} exists`;
  } catch (error) {
    if (!(error instanceof StepError) || !error.output.includes(bucketMissing)) throw error;
  }
  await r2('create', bucket);
  return `Created the bucket ${bucket}`;
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
