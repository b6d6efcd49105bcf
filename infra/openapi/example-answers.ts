import { fashionMnistCnn } from '../../shared/model/model-spec.ts';

const version = '20261126T011511Z-c1e4c165';
const at = '2026-11-26T01:15:11.000Z';
const model = { name: fashionMnistCnn.name, version, alias: 'production' };
const hash = 'c1e4c165'.padEnd(64, '0');
const { labels } = fashionMnistCnn;

/** The probabilities of the ten labels, for an ankle boot. */
const values = [
  0.000007, 0.000001, 0.000003, 0.000002, 0.000002, 0.0081, 0.000004, 0.0119, 0.000481, 0.9795,
];
const prediction = {
  predicted: { id: 9, label: 'Ankle boot', probability: 0.9795 },
  probabilities: values.map((probability, id) => ({ id, label: labels[id], probability })),
};

const metrics = { accuracy: 0.9134, loss: 0.2487 };
const scores = { precision: 0.86, recall: 0.87, f1: 0.865, support: 1000 };

/**
 * Example answers of status 200 with JSON, by operation. They are here and not in the contracts because the Worker's script
 * contains those.
 */
export const exampleAnswers: Record<string, unknown> = {
  predictIndex: {
    index: 0,
    ...prediction,
    actual: { id: 9, label: 'Ankle boot' },
    correct: true,
    model,
  },
  predictImage: { ...prediction, model },
  listModels: {
    name: model.name,
    versions: [{ version, createdAt: at, metrics, aliases: ['production'] }],
    aliases: [{ name: 'production', version, updatedAt: at, previous: null }],
    truncated: false,
  },
  listModelNames: { own: model.name, models: [model.name] },
  servedModel: {
    alias: { name: 'production', version, updatedAt: at, previous: null },
    manifest: {
      schemaVersion: 1,
      name: model.name,
      version,
      createdAt: at,
      model: fashionMnistCnn,
      files: [
        { path: 'model.json', bytes: 3054, sha256: hash },
        { path: 'weights.bin', bytes: 2_752_552, sha256: hash },
      ],
      metrics: {
        ...metrics,
        perClass: labels.map((label) => ({ label, ...scores })),
        confusion: labels.map((_, actual) => labels.map((_, id) => (id === actual ? 870 : 14))),
      },
      training: {
        recipe: 'tutorial',
        epoch: 5,
        epochs: 5,
        batchSize: 64,
        optimizer: 'adam',
        learningRate: 0.001,
        seed: 1,
        seconds: 167,
        imagesPerSecond: 1800,
        backend: 'wasm',
        device: 'AMD EPYC',
        threads: 2,
        packages: { catwalk: '0.1.0', node: '24.21.0' },
        git: null,
      },
      dataset: { name: 'fashion-mnist', files: { 'train-images-idx3-ubyte': hash } },
    },
  },
  giveFeedback: {
    id: `20261124T101500Z-3fa9c1d2.${'0'.repeat(64)}`,
    label: { id: 7, label: 'Sneaker' },
    stored: false,
  },
  live: { status: 'ok' },
  ready: {
    status: 'ready',
    model,
    failure: null,
    degraded: false,
    stockLayers: [],
    versionsInMemory: [version],
  },
};
