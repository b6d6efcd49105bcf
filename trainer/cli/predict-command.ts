import { styleText } from 'node:util';
import * as z from 'zod';
import { argument, flag, option, text, UsageError } from '../../node/options.ts';
import { percent, printProgress, printResult } from '../../node/text.ts';
import { formatNames } from '../../shared/image/decode-image.ts';
import { backendChoices } from '../backend/backend.ts';
import type { ImagePrediction } from '../evaluate/predict-images.ts';
import { jsonOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';
import { modelSelectors, modelUseOptions, selectModel } from './select-model.ts';

export const predict = defineCommand({
  name: 'predict',
  description: 'Predicts the classes of image files, or of one image of the test set.',
  options: z.object({
    files: argument(`image files of any size: ${formatNames('or')}`, z.array(text).max(1000)),
    index: option(
      '<n>',
      'predict image n of the test set, counted from 0',
      z.coerce.number().int().nonnegative().optional(),
    ),
    random: flag('predict a random image of the test set'),
    out: option(
      '<file.png>',
      'also draw the images, titled "Predicted: X, Actual: Y", to a .png or .svg',
      z
        .string()
        .regex(/\.(png|svg)$/i, 'the file name must end with .png or .svg')
        .optional(),
    ),
    invert: option(
      '<when>',
      'invert the brightness of image files: auto (if the background is light), true or false',
      z.enum(['auto', 'true', 'false']).default('auto'),
    ),
    run: option('<folder>', 'folder of the run to use (default: the newest run)', text.optional()),
    ...modelSelectors,
    ...modelUseOptions,
    // One image is predicted before TensorFlow has loaded.
    backend: z
      .enum(backendChoices)
      .default('wasm')
      .meta({ ...modelUseOptions.backend.meta() }),
    json: jsonOption.describe('print one JSON object, with predictions as in the HTTP API'),
  }),
  async run(options, { signal }) {
    const { files, index, random, out, json, invert } = options;
    if ([files.length > 0, index !== undefined, random].filter(Boolean).length !== 1) {
      throw new UsageError('name what to predict: either <files>, --index or --random');
    }
    const model = await selectModel(options, signal);
    const { imageOfTestSet, imagesOfFiles } = await import('../evaluate/images-to-predict.ts');
    const loadTest = async () => {
      const { imageProgress } = await import('./reporters.ts');
      const progress = imageProgress(process.stderr);
      const reporting = { signal, onProgress: printProgress, onImages: progress.update };
      return model.loadTest({ ...options, ...reporting }).finally(progress.close);
    };
    const images =
      files.length > 0
        ? await imagesOfFiles(files, model.spec, invert)
        : [imageOfTestSet(await loadTest(), index)];
    const { drawPicture, predictImages } = await import('../evaluate/predict-images.ts');
    const readable = images.filter((image) => 'pixels' in image);
    const predictions = await predictImages(model, readable, { ...options, signal });
    if (out !== undefined && predictions.length > 0) {
      await drawPicture(out, model.spec, readable, predictions);
    }
    const remaining = [...predictions];
    const results = images.map((image) =>
      'error' in image ? { ...image.source, error: image.error } : remaining.shift(),
    );
    printResult(json, { model: model.identity, predictions: results }, () =>
      predictions.map((prediction) => predictionText(prediction)).join(''),
    );
    for (const image of images) {
      if (!('error' in image)) continue;
      if (!json) printProgress(`${image.source.file}: ${image.error}`);
      process.exitCode = 1;
    }
  },
});

const barWidth = 24;

/** Formats a prediction: the title that the tutorial prints, and the probability of each label, with bars on a terminal. */
function predictionText(prediction: ImagePrediction): string {
  const { predicted, actual, correct, probabilities } = prediction;
  const stream = process.stdout;
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    styleText(format, text, { stream });
  const source = 'file' in prediction ? prediction.file : `Test image ${prediction.index}`;
  const verdict = correct === undefined ? 'bold' : correct ? 'green' : 'red';
  const title = `Predicted: ${style(verdict, predicted.label)}${actual ? `, Actual: ${actual.label}` : ''}`;
  const labelWidth = Math.max(...probabilities.map(({ label }) => label.length));
  const lines = probabilities.map(({ id, label, probability }) => {
    const filled = '█'.repeat(Math.round(probability * barWidth)).padEnd(barWidth, '░');
    const bar = stream.isTTY ? `${filled}  ` : '';
    const line = `  ${label.padEnd(labelWidth)}  ${bar}${percent(probability).padStart(8)}`;
    return id === predicted.id ? style('bold', line) : line;
  });
  return `${[`${source}: ${title}`, ...lines].join('\n')}\n`;
}
