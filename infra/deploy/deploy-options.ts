import { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, parseSchemaOptions } from '../../node/options.ts';

export const environments = ['staging', 'production'] as const;

const deployOptionsSchema = z.object({
  env: z
    .enum(environments)
    .default('production')
    .describe('environment of wrangler.jsonc to deploy: staging, production')
    .meta({ value: '<name>' }),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('where the Worker answers (default: as Wrangler says, at workers.dev)')
    .meta({ value: '<url>' }),
  config: z
    .string()
    .min(1)
    .default('wrangler.jsonc')
    .describe("Wrangler's configuration")
    .meta({ value: '<file>' }),
  dryRun: z
    .boolean()
    .default(false)
    .describe('bundle the Worker and say what would be done; asks Cloudflare nothing'),
});

export type DeployOptions = z.output<typeof deployOptionsSchema>;

/**
 * Reads the arguments of `npm run deploy`. `--help` prints them and ends the process.
 *
 * @throws {UsageError} naming each wrong value
 */
export function parseDeployOptions(argv: readonly string[]): DeployOptions {
  const command = new Command('npm run deploy --')
    .description(
      'Creates the bucket where it is missing, uploads the test set, deploys the Worker and waits until it answers. Safe to run again.',
    )
    .allowExcessArguments(false)
    .exitOverride();
  addSchemaOptions(command, deployOptionsSchema);
  return parseSchemaOptions(deployOptionsSchema, command.parse(argv, { from: 'user' }).opts());
}
