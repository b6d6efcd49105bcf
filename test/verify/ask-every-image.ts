import * as z from 'zod';
import { indexedPredictionSchema, servedModelSchema } from '../../shared/model/prediction.ts';

const answerSchema = z.object({ ...indexedPredictionSchema.shape, model: servedModelSchema });

/** Another version than the expected one answered: the alias moved meanwhile. */
export class AliasMovedError extends Error {
  override name = 'AliasMovedError';
}

export interface AskOptions {
  /** The Worker's address, without a path. */
  url: string;
  /** The model's number of labels. */
  labels: number;
  /** The number of test images. */
  images: number;
  /** The number of concurrent requests. */
  concurrency: number;
  /** The version that has to answer. */
  version: string;
  onProgress?: (asked: number) => void;
}

export interface Answers {
  /** `confusion[actual][predicted]`, as in a manifest. */
  confusion: number[][];
  /** Of each image, in label order. */
  probabilities: number[][];
}

/**
 * Requests the prediction of every test image with `GET /predict?index=`.
 *
 * @throws {AliasMovedError} if another version answers
 * @throws {Error} if an answer is not a prediction
 */
export async function askEveryImage({
  url,
  labels,
  images,
  concurrency,
  version,
  onProgress,
}: AskOptions): Promise<Answers> {
  const confusion = Array.from({ length: labels }, () => new Array<number>(labels).fill(0));
  const probabilities: number[][] = [];
  let next = 0;
  let asked = 0;
  const askInTurn = async () => {
    while (next < images) {
      const index = next++;
      const { actual, predicted, model, ...answer } = await ask(url, index);
      if (model.version !== version) {
        throw new AliasMovedError(
          `Image ${index} was answered by version ${model.version}, not ${version}.`,
        );
      }
      const row = confusion[actual.id];
      const count = row?.[predicted.id];
      if (!row || count === undefined) {
        throw new Error(
          `Image ${index}: label ${actual.id} or ${predicted.id} is not in the model.`,
        );
      }
      row[predicted.id] = count + 1;
      probabilities[index] = answer.probabilities.map(({ probability }) => probability);
      onProgress?.(++asked);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, askInTurn));
  return { confusion, probabilities };
}

async function ask(url: string, index: number) {
  const response = await fetch(`${url}/predict?index=${index}`);
  const body = await response.text();
  if (!response.ok) {
    throw new Error(`GET /predict?index=${index} answered ${response.status}: ${body}`);
  }
  const answer = answerSchema.parse(JSON.parse(body));
  if (answer.index !== index) {
    throw new Error(`Asked for image ${index}, the answer is of image ${answer.index}.`);
  }
  return answer;
}
