import { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, parseSchemaOptions } from '../../node/options.ts';

const deployOptionsSchema = z.object({
  env: z
    .enum(['staging', 'production', 'top-level'])
    .optional()
    .describe(
      'environment of wrangler.jsonc to deploy: staging, production, top-level (default: production, but top-level in Workers Builds)',
    )
    .meta({ value: '<name>' }),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('address of the Worker (default: its custom domain, else the one at workers.dev)')
    .meta({ value: '<url>' }),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      "S3 endpoint to upload the test set to (default: R2's of the account, or that of the Worker's AWS_ENDPOINT_URL)",
    )
    .meta({ value: '<url>' }),
  config: z
    .string()
    .min(1)
    .default('wrangler.jsonc')
    .describe("Wrangler's configuration file")
    .meta({ value: '<file>' }),
  dryRun: z
    .boolean()
    .default(false)
    .describe('bundle the Worker and print the steps, without a request to Cloudflare'),
});

export type DeployOptions = z.output<typeof deployOptionsSchema>;

/**
 * Parses the arguments of `npm run deploy`.
 *
 * @throws {UsageError} with every invalid option
 */
export function parseDeployOptions(argv: readonly string[]): DeployOptions {
  const command = new Command('npm run deploy --')
    .description(
      'Creates the bucket if it is missing, uploads the test set if there are keys, deploys the Worker with a snapshot of the model that the bucket serves, and waits until it answers. Safe to run again.',
    )
    .allowExcessArguments(false)
    .exitOverride();
  addSchemaOptions(command, deployOptionsSchema);
  return parseSchemaOptions(deployOptionsSchema, command.parse(argv, { from: 'user' }).opts());
}
