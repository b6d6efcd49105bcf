import { describe, expect, it } from 'vitest';
import { engine } from '#tensorflow';
import { models } from '../../support/edge/bucket.ts';
import { later, lookAgain, serving, versionOf } from '../../support/edge/serving.ts';

interface Layer {
  class_name: string;
  config: Record<string, unknown>;
}

const base = JSON.parse(new TextDecoder().decode(models.one.json));

/** @returns model.json with other layers */
function withLayers(change: (layers: Layer[]) => Layer[]): ArrayBuffer {
  const json = structuredClone(base);
  const { config } = json.modelTopology.model_config ?? json.modelTopology;
  config.layers = change(config.layers);
  return encode(JSON.stringify(json));
}

const encode = (text: string): ArrayBuffer =>
  Uint8Array.from(new TextEncoder().encode(text)).buffer;

const layer = (class_name: string, config: Record<string, unknown>): Layer => ({
  class_name,
  config: { name: `${class_name}_evil`, trainable: true, dtype: 'float32', ...config },
});

/** @returns the layers with these after the first two, whose output they leave as it was */
const between = (...inserted: Layer[]) =>
  withLayers((layers) => [...layers.slice(0, 2), ...inserted, ...layers.slice(2)]);

const pad = 20_000;
const deep = 20_000;

describe('a version that would kill the Worker', () => {
  it.each<[string, () => ArrayBuffer, RegExp]>([
    [
      'padding and cropping',
      () =>
        between(
          layer('ZeroPadding2D', {
            padding: [
              [pad, pad],
              [pad, pad],
            ],
            data_format: 'channels_last',
          }),
          layer('Cropping2D', {
            cropping: [
              [pad, pad],
              [pad, pad],
            ],
            data_format: 'channels_last',
          }),
        ),
      /outputs per image/,
    ],
    [
      'enlarging and pooling',
      () =>
        between(
          layer('UpSampling2D', { size: [700, 700], data_format: 'channels_last' }),
          layer('MaxPooling2D', {
            pool_size: [700, 700],
            strides: [700, 700],
            padding: 'valid',
            data_format: 'channels_last',
          }),
        ),
      /outputs per image/,
    ],
    [
      'a pooling window at each pixel',
      () => {
        const pooling = Array.from({ length: 40 }, (_, i) =>
          layer('AveragePooling2D', {
            name: `p${i}`,
            pool_size: [28, 28],
            strides: [1, 1],
            padding: 'same',
            data_format: 'channels_last',
          }),
        );
        return withLayers(([first, ...layers]) => [first as Layer, ...pooling, ...layers]);
      },
      /multiply-adds per image/,
    ],
    [
      'a dense layer of a trillion weights that no file has',
      () =>
        withLayers((layers) => [
          ...layers,
          layer('Dense', { units: 1e9, activation: 'linear', use_bias: false }),
          layer('Dense', { name: 'last', units: 10, activation: 'linear' }),
        ]),
      /outputs per image/,
    ],
    [
      'a topology nested 20,000 deep',
      () =>
        encode(
          `{"modelTopology":{"a":${'['.repeat(deep)}${']'.repeat(deep)}},"weightsManifest":[{"paths":["weights.bin"],"weights":[]}]}`,
        ),
      /nested more than 64 deep/,
    ],
    [
      'ten thousand layers',
      () =>
        between(
          ...Array.from({ length: 10_000 }, (_, i) =>
            layer('Dropout', { name: `d${i}`, rate: 0.5 }),
          ),
        ),
      /more than 1000 layers and calls/,
    ],
    [
      'its weights a hundred times',
      () => {
        const json = structuredClone(base);
        json.weightsManifest[0].paths = Array(100).fill('weights.bin');
        return encode(JSON.stringify(json));
      },
      /the maximum is 33554432/,
    ],
  ])(
    'with %s is refused in no time, and leaves the served one as it is',
    async (_, make, reason) => {
      const { bucket, first, app } = await serving();
      const good = await app.json('/predict?index=0');
      const held = engine().state.numBytes;
      const bad = await bucket.publish('two', {
        createdAt: later,
        files: { 'model.json': make() },
      });
      await bucket.moveAlias(bad);
      const start = performance.now();
      await lookAgain(app);
      expect(performance.now() - start).toBeLessThan(3000);
      const { failure, model } = await app.json('/readyz');
      expect(model.version).toBe(first);
      expect(failure).toMatchObject({ version: bad, code: 'bad_model' });
      expect(failure.detail).toMatch(reason);
      expect(engine().state.numBytes).toBe(held);
      expect(await app.json('/predict?index=0')).toEqual(good);
    },
  );

  it('loads in a short time with as many layers as are accepted', async () => {
    const { bucket, app } = await serving();
    const dropout = Array.from({ length: 950 }, (_, i) =>
      layer('Dropout', { name: `d${i}`, rate: 0.5 }),
    );
    const files = { 'model.json': between(...dropout) };
    const version = await bucket.publish('two', { createdAt: later, files });
    await bucket.moveAlias(version);
    const start = performance.now();
    await lookAgain(app);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(await versionOf(app)).toBe(version);
  });

  it('is not read if its manifest lists too much', async () => {
    const { bucket, first, app } = await serving();
    const bad = await bucket.publish('two', {
      createdAt: later,
      manifest: (manifest) => ({
        ...manifest,
        files: manifest.files.map((file) => ({ ...file, bytes: 20_000_000 })),
      }),
    });
    await bucket.moveAlias(bad);
    await lookAgain(app);
    expect(await versionOf(app)).toBe(first);
    const { failure } = await app.json('/readyz');
    expect(failure.detail).toMatch(/have 40000000 bytes; the maximum is 33554432/);
  });

  it('is not read further than its manifest says', async () => {
    const { bucket, app } = await serving();
    const huge = new ArrayBuffer(40_000_000);
    const bad = await bucket.publish('two', { createdAt: later, damage: { 'weights.bin': huge } });
    await bucket.moveAlias(bad);
    await lookAgain(app);
    const { failure } = await app.json('/readyz');
    expect(failure.detail).toMatch(/it has 40000000 bytes; the maximum is 2752552/);
  });
});
