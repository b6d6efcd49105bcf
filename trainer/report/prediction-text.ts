import { styleText } from 'node:util';
import type { ImagePrediction } from '../prediction/predict-images.ts';

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
