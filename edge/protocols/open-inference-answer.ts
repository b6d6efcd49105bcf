import type { Prediction } from '../../shared/prediction.ts';
import type { AppContext } from '../collaborators.ts';
import type { RequestedOutput } from './open-inference-request.ts';
import { outputName } from './tensor-names.ts';

/** An output tensor: its elements in row-major order. */
interface OutputTensor {
  shape: number[];
  datatype: 'FP32' | 'BYTES';
  elements: (number | string)[];
  isBinary: boolean;
}

/** The probabilities [n, 10], or of each image the likeliest classes as `score:index:label` [n, k]. */
export function answerOutput(
  { isBinary, classification }: RequestedOutput,
  predictions: Prediction[],
  labels: readonly string[],
): OutputTensor {
  if (classification === undefined) {
    const elements = predictions.flatMap(({ probabilities }) =>
      probabilities.map(({ probability }) => probability),
    );
    return { shape: [predictions.length, labels.length], datatype: 'FP32', elements, isBinary };
  }
  const count = Math.min(classification, labels.length);
  const elements = predictions.flatMap(({ probabilities }) =>
    probabilities
      .toSorted((one, other) => other.probability - one.probability)
      .slice(0, count)
      .map(({ probability, id, label }) => `${probability.toFixed(6)}:${id}:${label}`),
  );
  return { shape: [predictions.length, count], datatype: 'BYTES', elements, isBinary };
}

/** The response in JSON, with the bytes of the tensors that were asked for as such behind it. */
export function answerInfer(context: AppContext, head: object, tensors: OutputTensor[]): Response {
  const binaries: Uint8Array[] = [];
  const outputs = tensors.map(({ shape, datatype, elements, isBinary }) => {
    const output = { name: outputName, datatype, shape };
    if (!isBinary) return { ...output, data: elements };
    const bytes = encode(elements);
    binaries.push(bytes);
    return { ...output, parameters: { binary_data_size: bytes.byteLength } };
  });
  if (binaries.length === 0) return context.json({ ...head, outputs });
  const json = new TextEncoder().encode(JSON.stringify({ ...head, outputs }));
  return context.body(concatenate([json, ...binaries]), 200, {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(json.byteLength),
  });
}

/** Numbers as little-endian FP32, each text behind its length as a little-endian uint32. */
function encode(elements: (number | string)[]): Uint8Array {
  return concatenate(
    elements.map((element) => {
      if (typeof element === 'number') return floatBytes(element);
      const text = new TextEncoder().encode(element);
      return concatenate([lengthBytes(text.byteLength), text]);
    }),
  );
}

const floatBytes = (value: number) => new Uint8Array(new Float32Array([value]).buffer);
const lengthBytes = (length: number) => new Uint8Array(new Uint32Array([length]).buffer);

function concatenate(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
