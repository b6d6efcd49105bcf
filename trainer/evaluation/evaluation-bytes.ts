import { createHash } from 'node:crypto';
import { type Evaluation, evaluationSchema } from '../../shared/evaluation.ts';
import { argMax, softmax } from '../../shared/to-prediction.ts';

/** What a model said of the whole test set, and what the images are. */
export interface TestAnswers {
  /** [image][label], flat */
  logits: Float32Array;
  /** One class id per image. */
  actual: Uint8Array;
}

/** @returns evaluation.json of the model with these weights */
export function evaluationBytes({ logits, actual }: TestAnswers, weights: Uint8Array): Uint8Array {
  const images = actual.length;
  const classes = logits.length / images;
  const predicted = Buffer.alloc(images);
  const probability = Buffer.alloc(2 * images);
  for (let image = 0; image < images; image++) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const label = argMax(row);
    predicted[image] = label;
    probability.writeUInt16LE(Math.round(65535 * (softmax(row)[label] as number)), 2 * image);
  }
  const evaluation: Evaluation = {
    schemaVersion: 1,
    weightsSha256: sha256(weights),
    images,
    actual: Buffer.from(actual).toString('base64'),
    predicted: predicted.toString('base64'),
    probability: probability.toString('base64'),
  };
  return new TextEncoder().encode(`${JSON.stringify(evaluation)}\n`);
}

/** @returns whether the bytes are an evaluation of the model with these weights */
export function isEvaluationOf(bytes: Uint8Array, weights: Uint8Array): boolean {
  try {
    const evaluation = evaluationSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return evaluation.weightsSha256 === sha256(weights);
  } catch {
    return false;
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
