import * as z from 'zod/mini';
import { modelChoice } from '../../../edge/input/parameters.ts';
import { modelProblems, modelSelectors } from '../../../edge/routes/contract.ts';
import { route } from '../../../edge/routes/route.ts';

export const labels = route(
  {
    id: 'labels',
    tag: 'Models',
    summary: 'List the labels of the served model',
    parameters: modelSelectors,
    answers: {
      200: {
        description: 'The labels, in the order of the probabilities.',
        content: { 'application/json': { schema: z.object({ labels: z.array(z.string()) }) } },
      },
    },
    problems: modelProblems,
  },
  ({ models }) =>
    async function getLabels(context) {
      const reference = await models.resolve(modelChoice(context), context.executionCtx);
      const { labels } = await models.withModel(reference, ({ model }) => model.manifest.model);
      return context.json({ labels });
    },
);
