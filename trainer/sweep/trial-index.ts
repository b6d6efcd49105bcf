import * as z from 'zod';
import { UsageError } from '../commands/schema-options.ts';

/** What batch systems say which one of an array's jobs this is: Kubernetes' indexed Jobs, and AWS Batch's array jobs. */
const variables = ['JOB_COMPLETION_INDEX', 'AWS_BATCH_JOB_ARRAY_INDEX'];

/**
 * @param given what `--index` says
 * @throws {UsageError} where nothing says which trial it is, or a variable does not hold a number
 */
export function trialIndex(given: number | undefined, environment: NodeJS.ProcessEnv): number {
  if (given !== undefined) return given;
  const variable = variables.find((name) => environment[name]);
  if (variable === undefined) {
    throw new UsageError(
      `Say which trial to run by --index or ${variables.join(' or ')}, or run all of them here with --local <n>.`,
    );
  }
  const index = z.coerce.number().int().min(0).safeParse(environment[variable]);
  if (index.success) return index.data;
  throw new UsageError(`${variable} is no trial's index: ${environment[variable]}`);
}
