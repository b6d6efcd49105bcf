import * as fc from 'fast-check';
import type { Known } from '../known.ts';
import { fileBytes, type Material } from './bodies.ts';

const side = 28;

/** The ways to write an image in JSON, valid or nearly valid. */
function imageValues(material: Material) {
  const images = material.pixels.length / side ** 2;
  const pixels = fc
    .tuple(fc.nat(images - 1), fc.constantFrom(1, 255))
    .map(([image, most]) =>
      Array.from(
        material.pixels.subarray(image * side ** 2, (image + 1) * side ** 2),
        (pixel) => pixel / (255 / most),
      ),
    );
  const rows = pixels.map((flat) =>
    Array.from({ length: side }, (_, row) => flat.slice(row * side, (row + 1) * side)),
  );
  const withChannels = rows.map((all) => all.map((row) => row.map((pixel) => [pixel])));
  const base64 = fc
    .tuple(fileBytes(material), fc.constantFrom('base64', 'base64url'))
    .map(([bytes, alphabet]) => Buffer.from(bytes).toString(alphabet as BufferEncoding));
  const url = base64.map((text) => `data:image/png;base64,${text}`);
  return { numbers: fc.oneof(pixels, rows, withChannels), texts: fc.oneof(base64, url), pixels };
}

/** Bodies of POST /predict. */
export function predictValues(material: Material): fc.Arbitrary<unknown> {
  const { numbers, texts } = imageValues(material);
  const image = fc.oneof(
    numbers,
    texts,
    numbers.map((pixels) => ({ pixels })),
    texts.map((image) => ({ image })),
  );
  const lists = fc.oneof(fc.array(image, { maxLength: 3 }), repeated(image));
  return fc.oneof(
    image,
    image,
    lists.map((images) => ({ images })),
  );
}

/** About 64 equal values, which is the maximum. */
const repeated = (image: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> =>
  fc.tuple(image, fc.integer({ min: 63, max: 65 })).map(([each, count]) => Array(count).fill(each));

/** Bodies of POST /feedback: for predictions that were made, with their images or others. */
export function feedbackValues({ predictions }: Known, material: Material): fc.Arbitrary<unknown> {
  const { numbers, texts } = imageValues(material);
  const first = fc.nat(predictions.length - 1);
  return fc
    .record({
      prediction: first,
      label: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.constantFrom('Bag', 'Hat', '')),
      given: fc.oneof(
        first.map((index) => ({ index })),
        numbers.map((pixels) => ({ pixels })),
        texts.map((image) => ({ image })),
        first.map((index) => ({ index, image: '' })),
      ),
    })
    .map(({ prediction, label, given }) => ({ id: predictions[prediction], label, ...given }));
}

/** Bodies of TensorFlow Serving's predict. */
export function servingValues(material: Material): fc.Arbitrary<unknown> {
  const { numbers, texts } = imageValues(material);
  const image = fc.oneof(
    numbers,
    texts.map((b64) => ({ b64 })),
  );
  const named = image.map((images) => ({ images }));
  const list = fc.oneof(fc.array(image, { maxLength: 3 }), repeated(image));
  return fc.oneof(
    list.map((instances) => ({ instances })),
    fc.array(named, { maxLength: 3 }).map((instances) => ({ instances })),
    list.map((inputs) => ({ inputs })),
    list.map((images) => ({ signature_name: 'serving_default', inputs: { images } })),
    fc.tuple(list, list).map(([instances, inputs]) => ({ instances, inputs })),
  );
}

/** Bodies of the Open Inference Protocol's infer. */
export function inferValues(material: Material): fc.Arbitrary<unknown> {
  const { pixels } = imageValues(material);
  const parameters = fc.record(
    {
      binary_data_output: fc.boolean(),
      binary_data: fc.boolean(),
      classification: fc.integer({ min: 0, max: 12 }),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const input = fc
    .record({
      batch: fc.array(pixels, { minLength: 1, maxLength: 3 }),
      shape: fc.constantFrom([784], [28, 28], [28, 28, 1], [28], [0], [2 ** 31]),
      datatype: fc.constantFrom('FP32', 'UINT8', 'INT64', 'BYTES'),
      isNested: fc.boolean(),
    })
    .map(({ batch, shape, datatype, isNested }) => ({
      name: 'images',
      shape: [batch.length, ...shape],
      datatype,
      data: isNested ? batch : batch.flat(),
    }));
  const outputs = fc.array(fc.record({ name: fc.constant('probabilities'), parameters }), {
    maxLength: 3,
  });
  return fc.record(
    { id: fc.string({ maxLength: 9 }), parameters, inputs: input.map((one) => [one]), outputs },
    { requiredKeys: ['inputs'], noNullPrototype: true },
  );
}
