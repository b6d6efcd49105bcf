/** The same Worker without a model: a Hono route that answers a constant. */
import { Hono } from 'hono';
import { fashionMnistCnn } from '../../../../shared/model/model-spec.ts';

const label = { id: 9, label: 'Ankle boot' };
const answer = {
  index: 0,
  predicted: { ...label, probability: 0.9752 },
  actual: label,
  correct: true,
  probabilities: fashionMnistCnn.labels.map((name, id) => ({
    id,
    label: name,
    probability: 0.1234567,
  })),
  model: {
    name: fashionMnistCnn.name,
    version: '20261124T120754Z-01c9b430',
    alias: 'production',
  },
};

const app = new Hono();
app.get('/predict', (context) => context.json(answer));
app.post('/predict', (context) => context.json(answer));
export default app;
