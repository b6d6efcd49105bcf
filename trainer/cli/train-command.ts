import { environmentOptions, trainOptionsSchema } from '../run/options.ts';
import { defineCommand } from './command.ts';

export const train = defineCommand({
  name: 'train',
  description: 'Trains the network on a data set. --publish also publishes the model.',
  options: trainOptionsSchema,
  environmentOptions,
  async run(_options, { given, signal }) {
    const { planRun } = await import('../run/plan-run.ts');
    const plan = await planRun(given);
    const { openReporter } = await import('./reporters.ts');
    const { options } = plan;
    const reporter = openReporter(options.json);
    const { trainWithTeacher } = await import('../run/train-distilled.ts');
    try {
      await trainWithTeacher(plan, reporter, signal);
    } finally {
      reporter.close();
    }
  },
});
