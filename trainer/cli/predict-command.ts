import { styleText } from 'node:util';
import type { Command } from 'commander';
import * as z from 'zod';
import {
  addSchemaOptions,
  argumentsOf,
  parseSchemaOptions,
  UsageError,
} from '../../node/options.ts';
import type { ImagePrediction } from '../evaluate/predict-images.ts';
import { jsonOption } from './bucket-options.ts';
import { chosenModel, modelChoiceOptions, modelUseOptions } from './chosen-model.ts';

const predictOptionsSchema = z.object({
  files: z
    .array(z.string().min(1))
    .max(1000)
    .describe('images: PNG, JPEG, WebP, GIF or BMP of any size')
    .meta({ argument: true }),
  index: z.coerce
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('predict this image of the test set, from 0')
    .meta({ value: '<n>' }),
  random: z.boolean().default(false).describe('predict a random image of the test set'),
  out: z
    .string()
    .regex(/\.(png|svg)$/i, 'a picture is .png or .svg')
    .optional()
    .describe('draw the images with titles "Predicted: X, Actual: Y"')
    .meta({ value: '<file.png>' }),
  invert: z
    .enum(['auto', 'true', 'false'])
    .default('auto')
    .describe('swap light and dark of files: auto does on a light background')
    .meta({ value: '<when>' }),
  run: z
    .string()
    .min(1)
    .optional()
    .describe("folder of the run to take (default: the newest run's)")
    .meta({ value: '<folder>' }),
  ...modelChoiceOptions,
  ...modelUseOptions,
  // One image is predicted before TensorFlow has loaded.
  backend: modelUseOptions.backend.unwrap().default('wasm'),
  json: jsonOption.describe('print one JSON object, predictions as the Worker answers them'),
});

/** Adds `catwalk predict`. */
export function addPredictCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('predict')
    .description('Predicts image files, or an image of the test set.');
  addSchemaOptions(command, predictOptionsSchema).action(async () => {
    const options = parseSchemaOptions(predictOptionsSchema, {
      ...command.opts(),
      ...argumentsOf(command),
    });
    const { files, index, random, out, json, invert } = options;
    const asked = [files.length > 0, index !== undefined, random].filter(Boolean).length;
    if (asked !== 1)
      throw new UsageError('<files>, --index, --random: name what to predict by one');

    const model = await chosenModel(options, signal);
    const { imageOfTestSet, imagesOfFiles } = await import('../evaluate/images-to-predict.ts');
    const onProgress = (message: string) => process.stderr.write(`${message}\n`);
    const images =
      files.length > 0
        ? await imagesOfFiles(files, model.spec, invert)
        : [imageOfTestSet(await model.loadTest({ ...options, signal, onProgress }), index)];
    const { predictImages } = await import('../evaluate/predict-images.ts');
    const readable = images.filter((image) => 'pixels' in image);
    const predictions = await predictImages(model, readable, { ...options, signal });

    if (out !== undefined && predictions.length > 0) {
      const { drawPicture } = await import('../evaluate/predict-images.ts');
      await drawPicture(out, model.spec, readable, predictions);
    }
    const { predictionText } = await import('./predict-command.ts');
    const remaining = [...predictions];
    const results = images.map((image) =>
      'error' in image ? { ...image.source, error: image.error } : remaining.shift(),
    );
    if (json) {
      const answer = { model: model.identity, predictions: results };
      process.stdout.write(`${JSON.stringify(answer)}\n`);
    } else {
      for (const prediction of predictions) {
        process.stdout.write(predictionText(prediction, process.stdout));
      }
    }
    for (const image of images) {
      if (!('error' in image)) continue;
      if (!json) process.stderr.write(`${image.source.file}: ${image.error}\n`);
      process.exitCode = 1;
    }
  });
}

const barWidth = 24;

/**
 * A prediction for people to read: the title that the tutorial gives its picture, and each label's probability, with bars
 * on a terminal.
 */
export function predictionText(
  prediction: ImagePrediction,
  stream: Pick<NodeJS.WriteStream, 'isTTY'> & NodeJS.WritableStream,
): string {
  const { predicted, actual, correct, probabilities } = prediction;
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    styleText(format, text, { stream });
  const source = 'file' in prediction ? prediction.file : `Test image ${prediction.index}`;
  const verdict = correct === undefined ? 'bold' : correct ? 'green' : 'red';
  const title = `Predicted: ${style(verdict, predicted.label)}${actual ? `, Actual: ${actual.label}` : ''}`;
  const widest = Math.max(...probabilities.map(({ label }) => label.length));
  const lines = probabilities.map(({ id, label, probability }) => {
    const filled = '█'.repeat(Math.round(probability * barWidth)).padEnd(barWidth, '░');
    const bar = stream.isTTY ? `${filled}  ` : '';
    const share = `${(100 * probability).toFixed(2).padStart(6)} %`;
    const line = `  ${label.padEnd(widest)}  ${bar}${share}`;
    return id === predicted.id ? style('bold', line) : line;
  });
  return `${[`${source}: ${title}`, ...lines].join('\n')}\n`;
}
