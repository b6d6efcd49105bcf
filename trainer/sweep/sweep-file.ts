import { readFile } from 'node:fs/promises';
import seedrandom from 'seedrandom';
import { parse } from 'yaml';
import * as z from 'zod';
import { UsageError } from '../../node/options.ts';
import { trainingOptionsSchema } from '../run/options.ts';
import { recipeSchema } from '../train/recipe.ts';
import { sweepDatasetSchema, sweepNameSchema } from './sweep-records.ts';

/** The sweep itself sets these options. */
const reservedOptions = ['resume', 'checkpoint', 'force'];

/** The options that a trial may have. */
export const optionNames = Object.keys(trainingOptionsSchema.shape).filter(
  (name) => !reservedOptions.includes(name),
);

/** Bounds the size of sweep.json. */
const maxTrials = 10_000;

const settings = <Value extends z.ZodType>(value: Value) =>
  z.record(z.string(), value).superRefine((values, context) => {
    for (const name of Object.keys(values)) {
      if (optionNames.includes(name)) continue;
      const message = `${name} is not an option of trials. Use: ${optionNames.join(', ')}.`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
  });
const valueSchema = z.union([z.string(), z.number(), z.boolean()]);

/** A range of numbers: any number in it or, with `step`, those in steps from `min`. */
const rangeSchema = z
  .strictObject({
    min: z.number(),
    max: z.number(),
    step: z.number().positive().optional(),
    scale: z.enum(['linear', 'log']).default('linear'),
  })
  .refine(({ min, max }) => max > min, { error: 'max must be greater than min' })
  .refine(({ min, scale }) => scale === 'linear' || min > 0, {
    error: 'a log scale requires a min greater than 0',
  })
  .refine(({ step, scale }) => step === undefined || scale === 'linear', {
    error: 'step requires a linear scale',
  })
  .refine(({ min, max, step }) => step === undefined || (max - min) / step < maxTrials, {
    error: `has more than ${maxTrials} steps`,
  });

const parameterSchema = z.union([z.array(valueSchema).min(1), rangeSchema]);

/** sweep.yaml, which defines the trials. */
export const sweepFileSchema = z
  .strictObject({
    /** Names the sweep's folder in the bucket, `sweeps/<name>/`. */
    name: sweepNameSchema,
    /** grid: every combination. random: as many random draws as `trials`. */
    search: z.enum(['grid', 'random']),
    /** The number of trials in a random search. */
    trials: z.int().min(1).max(maxTrials).optional(),
    /** The seed of a random search. The seed of each training is `options.seed`. */
    seed: z.int().default(1),
    /**
     * Trains one model for each: folders, s3:// URLs or names, with `*` for the folders that fit. A data set is named after its folder, if
     * it has no `name`. All get the same trials.
     */
    datasets: z
      .array(z.union([z.string().min(1), sweepDatasetSchema]))
      .min(1)
      .optional(),
    /** The options of `catwalk train` that all trials share, by their names in a run's config.json. */
    options: settings(valueSchema),
    /** The options that differ: lists of values, or ranges. */
    parameters: settings(parameterSchema).default({}),
  })
  .superRefine((file, context) => {
    const issue = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const { search, trials, options, parameters, datasets } = file;
    if (!datasets && Object.keys(parameters).length === 0) {
      issue(['parameters'], 'must have at least one parameter');
    }
    for (const [part, values] of Object.entries({ options, parameters })) {
      if (!datasets || !('dataset' in values)) continue;
      issue([part, 'dataset'], 'is not possible together with datasets');
    }
    if (search === 'random' && trials === undefined) {
      issue(['trials'], 'is required for a random search: the number of trials');
    }
    if (search === 'grid' && trials !== undefined) {
      issue(['trials'], 'is only for a random search; a grid has every combination');
    }
    for (const [name, parameter] of Object.entries(parameters)) {
      if (name in options) issue(['parameters', name], 'is also among the options');
      if (search === 'grid' && !Array.isArray(parameter) && parameter.step === undefined) {
        issue(['parameters', name], 'must be a list of values or have a step in a grid search');
      }
    }
    if (!recipeSchema.shape.validation.safeParse(options.validation).data) {
      issue(
        ['options', 'validation'],
        'is required: the number of validation images, or a share such as 20%, whose accuracy decides which trial is best',
      );
    }
    if (context.issues.length === 0 && trialParameters(file).length > maxTrials) {
      issue(['parameters'], `result in more than ${maxTrials} trials`);
    }
  });

export type SweepFile = z.output<typeof sweepFileSchema>;

/**
 * Reads sweep.yaml, or the same content as JSON.
 *
 * @throws {UsageError} if it is invalid; the message names every mistake
 */
export async function readSweepFile(path: string): Promise<SweepFile> {
  let content: unknown;
  try {
    content = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`--file: cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const result = sweepFileSchema.safeParse(content);
  if (result.success) return result.data;
  throw new UsageError(`${path} is invalid:\n${z.prettifyError(result.error)}`);
}

type Parameter = z.output<typeof parameterSchema>;
type Value = string | number | boolean;
/** The options that distinguish a trial, by name. */
export type TrialParameters = Record<string, Value>;

/**
 * Returns the parameters of each trial, by index. They depend only on the file, so every machine computes the same.
 */
export function trialParameters(
  file: Pick<SweepFile, 'search' | 'trials' | 'seed' | 'parameters'>,
): TrialParameters[] {
  const parameters = Object.entries(file.parameters);
  if (file.search === 'grid') {
    return parameters.reduce<TrialParameters[]>(
      (trials, [name, parameter]) =>
        trials.flatMap((trial) =>
          valuesOf(parameter).map((value) => ({ ...trial, [name]: value })),
        ),
      [{}],
    );
  }
  return Array.from({ length: file.trials ?? 0 }, (_, index) =>
    Object.fromEntries(
      parameters.map(([name, parameter]) => {
        // Seeded by trial and name, so that another parameter or more trials do not change the other draws.
        const random = seedrandom(`${file.seed}/${index}/${name}`);
        return [name, draw(parameter, random())];
      }),
    ),
  );
}

/** Returns the values of a list, or of a range with a step. */
function valuesOf(parameter: Parameter): Value[] {
  if (Array.isArray(parameter)) return parameter;
  const { min, max, step = max - min } = parameter;
  const count = Math.floor((max - min) / step + 1e-9) + 1;
  return Array.from({ length: count }, (_, index) => rounded(min + index * step));
}

/** @param random in [0, 1) */
function draw(parameter: Parameter, random: number): Value {
  if (Array.isArray(parameter) || parameter.step !== undefined) {
    const values = valuesOf(parameter);
    return values[Math.floor(random * values.length)] as Value;
  }
  const { min, max, scale } = parameter;
  return rounded(scale === 'log' ? min * (max / min) ** random : min + (max - min) * random);
}

/** Rounds to six digits, so that values are readable and 0.1 + 0.2 is 0.3. */
const rounded = (value: number) => Number(value.toPrecision(6));
