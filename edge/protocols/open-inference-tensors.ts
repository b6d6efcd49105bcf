import type { Context } from 'hono';
import { formatOf } from '../../shared/image/decode-image.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { Prediction } from '../../shared/model/prediction.ts';
import { concatenate } from '../input/body.ts';
import { scalePixels } from '../input/json-pixels.ts';
import { maxImages, tooManyImages } from '../input/posted-images.ts';
import type { InputTensor, RequestedOutput } from './open-inference-request.ts';
import { badRequest, inputName, outputName } from './protocol.ts';

/**
 * Splits an input tensor into images, one at a time: all of them as numbers take several times the body's memory. FP32 values are in [0, 1]
 * or in 0..255, image by image, as in POST /predict. UINT8 values are bytes.
 *
 * @param inputShape of one image; the tensor is [n, 28, 28, 1], [n, 1, 28, 28], [n, 28, 28] or [n, 784]; in colour, [n, 160, 160, 3],
 * [n, 3, 160, 160] or [n, 76800]
 * @returns the pixels of each image, 0 black to 255 white, row by row. Iterating throws `bad_request` or `bad_pixels` for a wrong value
 * @throws {Problem} `bad_request` if the datatype, the shape or the data is invalid; `too_many_images`
 */
export function tensorImages(
  input: InputTensor,
  inputShape: ModelSpec['inputShape'],
): Iterable<ArrayLike<number>> {
  const { shape, datatype, data } = withShape(input, inputShape);
  if (datatype !== 'FP32' && datatype !== 'UINT8') {
    throw badRequest(
      `inference input '${inputName}' data-type is '${datatype}', but expected 'FP32' or 'UINT8'`,
    );
  }
  const count = countImages(shape, inputShape);
  const [height, width, channels] = inputShape;
  const length = height * width * channels;
  const total = count * length;
  const valuesOf =
    data instanceof Uint8Array
      ? decode(data, datatype, total)
      : sliceOf(flatten(data, shape, total));
  // [channels, height, width] after the number of images.
  const isPlanar = channels > 1 && shape.length === 4 && shape[1] === channels;
  return images();

  function* images() {
    for (let image = 0; image < count; image++) {
      const describePosition = (i: number) => `image ${image}, pixel ${i}`;
      const values = valuesOf(image * length, length);
      const pixels =
        datatype === 'FP32'
          ? scalePixels(values, describePosition)
          : checkBytes(values, describePosition);
      yield isPlanar ? interleave(pixels, channels) : pixels;
    }
  }
}

/** Converts [channels, height, width] to [height, width, channels]. */
function interleave<Values extends Uint8Array | Float64Array>(
  planes: Values,
  channels: number,
): Values {
  const pixels = planes.slice() as Values;
  const area = planes.length / channels;
  for (let i = 0; i < planes.length; i++) {
    pixels[(i % area) * channels + Math.floor(i / area)] = planes[i] as number;
  }
  return pixels;
}

/** Deduces the shape of a raw binary request from its length. Its values are FP32, as the metadata say, or the bytes of one image. */
function withShape({ shape, datatype, data }: InputTensor, inputShape: ModelSpec['inputShape']) {
  if (shape !== null) return { shape, datatype, data };
  const length = inputShape.reduce((product, size) => product * size, 1);
  const bytes = data.length;
  if (bytes === length) return { shape: [1, ...inputShape], datatype: 'UINT8', data };
  const count = bytes / (4 * length);
  if (Number.isInteger(count)) return { shape: [count, ...inputShape], datatype, data };
  throw badRequest(
    `input '${inputName}' has ${bytes} bytes${fileName(data)}, but an image takes ${4 * length} as FP32, or ${length} as UINT8`,
  );
}

/** For errors about bytes of the wrong length. */
function fileName(data: InputTensor['data']): string {
  const format = data instanceof Uint8Array ? formatOf(data) : null;
  return format === null
    ? ''
    : `, which are ${format}: send the pixels, or the file itself to POST /predict`;
}

function countImages(shape: number[], inputShape: ModelSpec['inputShape']): number {
  const [count, ...rest] = shape;
  const [height, width, channels] = inputShape;
  const accepted: number[][] = [inputShape, [height * width * channels]];
  accepted.push([channels, height, width]);
  if (channels === 1) accepted.push([height, width]);
  if (
    count === undefined ||
    count === 0 ||
    !accepted.some((sizes) => sizes.join() === rest.join())
  ) {
    const expected = accepted.map((sizes) => `[${[-1, ...sizes]}]`).join(', ');
    throw badRequest(
      `unexpected shape for input '${inputName}'. Expected ${expected}, got [${shape}]. The first size is the number of images`,
    );
  }
  if (count > maxImages) throw tooManyImages(count);
  return count;
}

/** Reads so many values of a tensor. */
type ReadValues = (from: number, length: number) => ArrayLike<unknown>;

const sliceOf =
  (values: unknown[]): ReadValues =>
  (from, length) =>
    values.slice(from, from + length);

/** Tensors are little-endian, like every machine that Workers run on. */
function decode(bytes: Uint8Array<ArrayBuffer>, datatype: 'FP32' | 'UINT8', total: number) {
  const size = datatype === 'FP32' ? 4 : 1;
  if (bytes.byteLength !== total * size) {
    throw badRequest(
      `input '${inputName}' has ${bytes.byteLength} bytes, but its shape takes ${total * size}${fileName(bytes)}`,
    );
  }
  const read: ReadValues = (from, length) => {
    const part = bytes.subarray(from * size, (from + length) * size);
    // Copied, because floats have to begin at a multiple of four.
    return datatype === 'FP32' ? new Float32Array(part.slice().buffer) : part;
  };
  return read;
}

/** Data is flat, or nested like its shape. */
function flatten(data: unknown[], shape: number[], total: number): unknown[] {
  const values = Array.isArray(data[0]) ? flattenNested(data, shape) : data;
  if (values.length === total) return values;
  throw badRequest(
    `input '${inputName}' has ${values.length} values, but its shape [${shape}] takes ${total}`,
  );
}

function flattenNested(data: unknown[], shape: number[]): unknown[] {
  let level: unknown[] = data;
  for (const [axis, size] of shape.entries()) {
    const arrays = axis === 0 ? [level] : level;
    for (const array of arrays) {
      if (Array.isArray(array) && array.length === size) continue;
      throw badRequest(`input '${inputName}' is not nested like its shape [${shape}]`);
    }
    level = axis === 0 ? level : (arrays as unknown[][]).flat();
  }
  return level;
}

function checkBytes(
  values: ArrayLike<unknown>,
  describePosition: (i: number) => string,
): Uint8Array {
  if (values instanceof Uint8Array) return values;
  const wrongAt = Array.from(values).findIndex((value) => !isByte(value));
  if (wrongAt === -1) return Uint8Array.from(values as ArrayLike<number>);
  throw badRequest(
    `${describePosition(wrongAt)} is ${JSON.stringify(values[wrongAt])?.slice(0, 40)}, not a whole number from 0 to 255.`,
  );
}

const isByte = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;

/** An output tensor, its elements in row-major order. */
interface OutputTensor {
  shape: number[];
  datatype: 'FP32' | 'BYTES';
  elements: (number | string)[];
  isBinary: boolean;
}

/** Makes the output tensor: probabilities [n, 10], or the most probable classes of each image as `score:index:label` [n, k]. */
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

/** Responds with JSON. Tensors that were requested as bytes follow it. */
export function answerInfer(context: Context, head: object, tensors: OutputTensor[]): Response {
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

/** Encodes numbers as little-endian FP32, and each text after its length as a little-endian uint32. */
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
