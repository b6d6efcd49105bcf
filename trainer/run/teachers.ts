/** The models that a training learns from: `--teacher`. */
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../node/options.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Distillation } from '../train/distillation.ts';
import { CheckpointError, type ResumedRun } from './checkpoint.ts';
import { defaultTeacherWeight, defaultTemperature, type TrainCommandOptions } from './options.ts';
import { openParent, type ParentModel } from './parent-model.ts';

interface Teachers {
  /** The part of config.json about them. */
  record: { teachers: ParentModel['origin'][]; temperature: number; teacherWeight: number };
  /**
   * Returns the settings of the distillation into a network.
   *
   * @throws {UsageError} if a teacher has other labels, or takes other images
   */
  fit(dataset: Dataset, spec: ModelSpec): Distillation;
}

/**
 * Opens the models that `--teacher` names, as `--from` does.
 *
 * @returns null if it names none
 * @throws {Error} if one does not exist or can't be read
 * @throws {CheckpointError} if the resumed run has others
 */
export async function openTeachers(
  options: TrainCommandOptions,
  resumed: ResumedRun | null,
): Promise<Teachers | null> {
  // Options for the file of --from.
  const { teacher: names = [], key: _, mean: __, std: ___, ...connection } = options;
  if (options.recipe === 'distilled' && names.length === 0) {
    throw new UsageError('--recipe: distilled needs --teacher');
  }
  const models: ParentModel[] = [];
  for (const name of names) models.push(await openParent(name, connection).catch(rename));
  const origins = models.map(({ origin }) => origin);
  if (resumed && !isDeepStrictEqual(resumed.config.teachers ?? [], origins)) {
    throw new CheckpointError(
      `${resumed.path} was trained with ${resumed.config.teachers ? 'other teachers' : 'no teacher'}. Name the same with --teacher.`,
    );
  }
  if (models.length === 0) return null;
  const { temperature = defaultTemperature, teacherWeight = defaultTeacherWeight } = options;
  return {
    record: { teachers: origins, temperature, teacherWeight },
    fit: (dataset, spec) => ({
      teachers: models.map((model, at) => fitTeacher(model, names[at] as string, dataset, spec)),
      temperature,
      weight: teacherWeight,
    }),
  };
}

function fitTeacher(model: ParentModel, name: string, dataset: Dataset, student: ModelSpec) {
  const { spec, weights, isNewLastLayer } = fitted(model, dataset);
  if (isNewLastLayer) {
    throw new UsageError(
      `--teacher: ${name} has other labels than ${dataset.name}. A teacher needs the same.`,
    );
  }
  const scaleOf = ({ preprocessing: { mean, std } }: ModelSpec) => ({ mean, std });
  const [own, wanted] = [scaleOf(spec), scaleOf(student)];
  if (!isDeepStrictEqual(own, wanted)) {
    throw new UsageError(
      `--teacher: ${name} takes pixels of another scale (mean ${own.mean}, std ${own.std}) than the network (${wanted.mean}, ${wanted.std}).`,
    );
  }
  return { spec, weights };
}

function fitted(model: ParentModel, dataset: Dataset) {
  try {
    return model.fit(dataset);
  } catch (error) {
    return rename(error);
  }
}

/** Names the right option in the errors of `--from`. */
function rename(error: unknown): never {
  if (!(error instanceof UsageError)) throw error;
  throw new UsageError(error.message.replace('--from', '--teacher'), { cause: error });
}
