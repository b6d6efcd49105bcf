import seedrandom from 'seedrandom';
import type * as z from 'zod';
import type { parameterSchema, SweepFile } from './sweep-file.ts';

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
