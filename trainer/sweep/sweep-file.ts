import { readFile } from 'node:fs/promises';
import seedrandom from 'seedrandom';
import { parse } from 'yaml';
import * as z from 'zod';
import { UsageError } from '../../node/options.ts';
import { trainingOptionsSchema } from '../run/options.ts';
import { sweepNameSchema } from './sweep-records.ts';

/** The sweep decides these itself: where a trial's checkpoints lie, and that it goes on from them. */
const ownOptions = ['resume', 'checkpoint', 'force'];

const optionNames = Object.keys(trainingOptionsSchema.shape).filter(
  (name) => !ownOptions.includes(name),
);

/** Far more than a sweep of one machine or cluster wants; it bounds sweep.json. */
const maximumTrials = 10_000;

const settings = <Value extends z.ZodType>(value: Value) =>
  z.record(z.string(), value).superRefine((values, context) => {
    for (const name of Object.keys(values)) {
      if (optionNames.includes(name)) continue;
      const message = `is no option that a trial may have. They are ${optionNames.join(', ')}.`;
      context.addIssue({ code: 'custom', path: [name], message: `${name} ${message}` });
    }
  });
const valueSchema = z.union([z.string(), z.number(), z.boolean()]);

/** Numbers between two: any of them, or every `step`-th from the lowest. */
const rangeSchema = z
  .strictObject({
    min: z.number(),
    max: z.number(),
    step: z.number().positive().optional(),
    scale: z.enum(['linear', 'log']).default('linear'),
  })
  .refine(({ min, max }) => max > min, { error: 'max is not above min' })
  .refine(({ min, scale }) => scale === 'linear' || min > 0, {
    error: 'a log scale needs a min above 0',
  })
  .refine(({ step, scale }) => step === undefined || scale === 'linear', {
    error: 'steps are for a linear scale',
  })
  .refine(({ min, max, step }) => step === undefined || (max - min) / step < maximumTrials, {
    error: `has more than ${maximumTrials} steps`,
  });

export const parameterSchema = z.union([z.array(valueSchema).min(1), rangeSchema]);

/** sweep.yaml: which trials there are. */
export const sweepFileSchema = z
  .strictObject({
    /** Its folder in the bucket is `sweeps/<name>/`. */
    name: sweepNameSchema,
    /** grid: every combination; random: so many draws. */
    search: z.enum(['grid', 'random']),
    /** Of a random search. */
    trials: z.int().min(1).max(maximumTrials).optional(),
    /** Decides the draws of a random search; each trial's training has `options.seed`. */
    seed: z.int().default(1),
    /** Options of `catwalk train` that all trials share, by their names in a run's config.json. */
    options: settings(valueSchema),
    /** Those that differ: a list of values, or a range. */
    parameters: settings(parameterSchema).refine(
      (parameters) => Object.keys(parameters).length > 0,
      { error: 'names none' },
    ),
  })
  .superRefine((file, context) => {
    const issue = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const { search, trials, options, parameters } = file;
    if (search === 'random' && trials === undefined) {
      issue(['trials'], 'say how many a random search draws');
    }
    if (search === 'grid' && trials !== undefined) {
      issue(['trials'], 'is for a random search: a grid has every combination');
    }
    for (const [name, parameter] of Object.entries(parameters)) {
      if (name in options) issue(['parameters', name], 'is among the options, too');
      if (search === 'grid' && !Array.isArray(parameter) && parameter.step === undefined) {
        issue(['parameters', name], 'a grid needs a list of values, or a step');
      }
    }
    if (!(Number(options.validation) >= 1)) {
      issue(
        ['options', 'validation'],
        'say how many training images are kept apart: the accuracy on them decides which trial is best',
      );
    }
    if (context.issues.length === 0 && trialParameters(file).length > maximumTrials) {
      issue(['parameters'], `make more than ${maximumTrials} trials`);
    }
  });

export type SweepFile = z.output<typeof sweepFileSchema>;

/**
 * Reads sweep.yaml, or the same as JSON.
 *
 * @throws {UsageError} that names every mistake in it
 */
export async function readSweepFile(path: string): Promise<SweepFile> {
  let content: unknown;
  try {
    content = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`--file: ${path} can't be read: ${(cause as Error).message}`, { cause });
  }
  const result = sweepFileSchema.safeParse(content);
  if (result.success) return result.data;
  throw new UsageError(`${path} is wrong:\n${z.prettifyError(result.error)}`);
}

type Parameter = z.output<typeof parameterSchema>;
type Value = string | number | boolean;
/** What sets a trial apart from the others, by option. */
export type TrialParameters = Record<string, Value>;

/**
 * The parameters of each trial, in the order of their indices. They follow from the file alone, so every machine that has
 * it knows them.
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
        // By trial and name: another parameter, or more trials, leave the draws of the others as they are.
        const random = seedrandom(`${file.seed}/${index}/${name}`);
        return [name, draw(parameter, random())];
      }),
    ),
  );
}

/** The values of a list, or of a range with a step. */
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

/** Six digits are as many as anyone wants to read, and 0.1 + 0.2 is 0.3. */
const rounded = (value: number) => Number(value.toPrecision(6));
