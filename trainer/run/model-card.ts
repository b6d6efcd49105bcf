import { stringify } from 'yaml';
import { percent } from '../../node/text.ts';
import { escapeMarkup } from '../../shared/picture/draw-predictions.ts';
import { provenanceOf, type RunReport } from './report.ts';

/**
 * Returns README.md: a model card with front matter for Hugging Face
 * (https://huggingface.co/docs/hub/model-cards#evaluation-results).
 */
export function modelCard(report: RunReport): string {
  const { id, config, epoch, test } = report;
  const { spec, dataset } = config;
  const frontMatter = {
    library_name: 'tensorflow.js',
    pipeline_tag: 'image-classification',
    tags: ['image-classification', 'tensorflow.js', 'catwalk'],
    datasets: [dataset.name],
    metrics: ['accuracy'],
    'model-index': [
      {
        name: spec.name,
        results: [
          {
            task: { type: 'image-classification', name: 'Image classification' },
            dataset: { name: dataset.name, type: dataset.name, split: 'test' },
            metrics: [
              { type: 'accuracy', name: 'Accuracy', value: epoch.accuracy },
              { type: 'loss', name: 'Cross-entropy', value: epoch.loss },
              { type: 'f1', name: 'Macro F1', value: macroF1(epoch.perClass) },
            ],
          },
        ],
      },
    ],
  };
  const [height, width, channels] = spec.inputShape;
  const { mean, std } = spec.preprocessing;
  const [shownMean, shownStd] = [mean, std].map((value) => JSON.stringify(value));
  const labels = spec.labels.map((label, index) => `${index}. ${escapeMarkdown(label)}`);
  return `---
${stringify(frontMatter)}---

# ${spec.name}

A convolutional network that classifies ${channels === 1 ? 'grey' : 'RGB'} ${width}x${height} images into ${spec.labels.length} classes
(Catwalk run ${id}, ${provenanceOf(report)}). Its accuracy on ${test.count} test images of ${dataset.name} is ${percent(epoch.accuracy)}, its mean cross-entropy ${epoch.loss.toFixed(4)}.

| | |
| --- | --- |
${rowsOf(report)
  .map(([name, value]) => `| ${name} | ${escapeMarkdown(value)} |`)
  .join('\n')}

All settings are in \`config.json\`, and the metrics of every epoch in \`metrics.jsonl\` and \`metrics.csv\`. \`report.html\` shows both.

![Loss and accuracy by epoch](curves.svg)

![Confusion matrix](confusion.svg)

## Use

\`\`\`js
import * as tf from '@tensorflow/tfjs';

const model = await tf.loadLayersModel('…/model/model.json');
// pixels: float32 [images, ${height}, ${width}, ${channels}], each (p / 255 - ${shownMean}) / ${shownStd}
const logits = model.predict(pixels); // [images, ${spec.labels.length}]
\`\`\`

The classes, in the order of the logits:

${labels.join('\n')}
`;
}

/** Returns the rows of the table: how the weights were trained. */
function rowsOf({ config, epoch }: RunReport): [string, string][] {
  const { recipe, git, dtype = 'float32', teachers } = config;
  const isTrained = recipe !== 'imported';
  const training: [string, string][] = [
    ['batch size', String(config.batchSize)],
    ['optimizer', `${config.optimizer}, learning rate ${config.learningRate}`],
    ['seed', String(config.seed)],
    ['time', `${Math.round(epoch.seconds)} s, ${Math.round(epoch.imagesPerSecond)} images/s`],
  ];
  return [
    ['recipe', recipe],
    ...(isTrained ? training : []),
    ['backend', `${config.backend} on ${config.device}, threads: ${config.threads}`],
    ...(teachers ? [['teachers', teachers.map(nameOf).join(', ')] satisfies [string, string]] : []),
    ...(dtype === 'float32' ? [] : [['weights', dtype] satisfies [string, string]]),
    ['code', git ? `${git.commit}${git.dirty ? ', with local changes' : ''}` : 'no git checkout'],
  ];
}

const nameOf = (origin: NonNullable<RunReport['config']['teachers']>[number]) =>
  'file' in origin ? origin.file : origin.version;

function macroF1(perClass: readonly { f1: number }[]): number {
  return perClass.reduce((sum, { f1 }) => sum + f1, 0) / Math.max(1, perClass.length);
}

/** Escapes a name from a folder or a driver, which may have any characters. */
const escapeMarkdown = (text: string): string =>
  escapeMarkup(text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]()#|~]/g, '\\$&'));
