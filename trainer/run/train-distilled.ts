import { planRun, type RunPlan } from './plan-run.ts';
import type { Reporter } from './record-training.ts';
import { runTraining } from './run-training.ts';

/** The options of `train` that are not for the teacher. */
const ofStudent = [
  'publish',
  'sign',
  'checkpoint',
  'from',
  'key',
  'mean',
  'std',
  'dtype',
  'temperature',
  'teacherWeight',
];

/**
 * Runs a training. If its recipe is `distilled` and it has no teacher yet, trains one first, as a run of its own that is not published: a
 * wide network with the recipe `best`, without label smoothing, which makes worse teachers (Müller et al. 2019, arXiv:1906.02629).
 *
 * @throws what `runTraining` throws
 */
export async function trainWithTeacher(
  plan: RunPlan,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { options, resumed, given, ...rest } = plan;
  if (options.recipe !== 'distilled' || options.teacher || resumed) {
    return runTraining(plan, reporter, signal);
  }
  const notify = (message: string) => reporter.report({ event: 'message', message });
  const shared = Object.entries(given).filter(([name]) => !ofStudent.includes(name));
  const teacher = await planRun({
    labelSmoothing: 0,
    ...Object.fromEntries(shared),
    recipe: 'best',
    network: 'wide',
  });
  notify('The teacher is trained first: a wide network, which is not published');
  let run = '';
  const report: Reporter['report'] = (event) => {
    if (event.event === 'finished') ({ run } = event);
    reporter.report(event);
  };
  try {
    await runTraining({ ...rest, ...teacher }, { ...reporter, report }, signal);
  } catch (error) {
    if (signal.aborted) {
      notify('That run is the teacher. Later, train the network with --teacher <its folder>');
    }
    throw error;
  }
  notify(`The network learns from ${run}`);
  const student = await planRun({ ...given, teacher: [run] });
  await runTraining({ ...rest, ...student }, reporter, signal);
}
