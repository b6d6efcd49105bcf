import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ImageSet } from '../../../trainer/data/dataset.ts';
import { writeMetrics } from '../../../trainer/run/metrics-files.ts';
import { openRunFolder } from '../../../trainer/run/run-folder.ts';
import {
  type RunConfig,
  type RunEpoch,
  runEpochSchema,
  testPredictions,
} from '../../../trainer/run/run-records.ts';
import { writeArtifacts } from '../../../trainer/run/write-artifacts.ts';
import { computeMetrics } from '../../../trainer/train/metrics.ts';
import { chromiumPath, explainSkip, hasChromium } from '../../support/browser/chromium.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';
import { trainedModel } from '../../support/models/trained-model.ts';

/** A folder may be called anything, and its name becomes a label. */
const hostile = `<img src=x onerror="document.title='taken'">,"|`;
/** Formulas, commands to a terminal, and names that every JavaScript object has. */
const otherHostile = [
  '=1+cmd|/C calc',
  '-2',
  '\x1b[2J\x1b]0;taken\x07',
  'constructor',
  '__proto__',
];

let path: string;
let test: ImageSet;
let config: RunConfig;

/** Predicts every image correctly except boots, which become bags with logits that grow by epoch. */
function epochOf(epoch: number, validation?: number): RunEpoch {
  const logits = new Float32Array(test.count * 10);
  test.labels.forEach((label, image) => {
    logits[10 * image + (label === 9 ? 8 : label)] = epoch;
  });
  return runEpochSchema.parse({
    ...computeMetrics(logits, test.labels, config.spec.labels),
    ...testPredictions(logits, test.labels),
    epoch,
    seconds: 10 * epoch,
    imagesPerSecond: 1000,
    trainLoss: 2 / epoch,
    ...(validation === undefined ? {} : { validation: { accuracy: validation, loss: 0.5 } }),
    weightsSha256: '0'.repeat(64),
  });
}

const read = (file: string) => readFile(join(path, file), 'utf8');

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'catwalk-artifacts-'));
  test = await firstTestImages();
  const { spec, dataset, training } = await trainedModel(1, 0.9);
  const labels = spec.labels.map((label, i) =>
    label === 'Bag' ? hostile : (otherHostile[i] ?? label),
  );
  config = { ...training, spec: { ...spec, labels }, dataset };
  // The second of three is the best.
  const epochs = [epochOf(1, 0.8), epochOf(2, 0.9), epochOf(3, 0.85)];
  const run = openRunFolder(path, config, epochs);
  await writeMetrics(path, epochs);
  await writeArtifacts(run, test);
}, 60_000);
afterAll(() => rm(path, { recursive: true }));

describe('the artifacts of a run', () => {
  it('are complete files', async () => {
    expect((await readdir(path)).toSorted()).toEqual([
      'README.md',
      'confusion.csv',
      'confusion.svg',
      'curves.svg',
      'metrics.csv',
      'report.html',
      'samples.png',
      'tensorboard',
    ]);
    expect((await readdir(join(path, 'tensorboard'))).toSorted()).toEqual([
      'events.out.tfevents.00001',
      'events.out.tfevents.00002',
      'events.out.tfevents.00003',
    ]);
  });

  it('metrics.csv has one line per epoch', async () => {
    const lines = (await read('metrics.csv')).trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^epoch,train_loss,validation_loss,validation_accuracy,test_loss,/);
    expect(lines[2]).toMatch(/^2,1,0\.5,0\.9,[\d.]+,0\.\d+,20,1000$/);
    expect(lines).toHaveLength(4);
  });

  it('confusion.csv quotes labels', async () => {
    const [head, ...rows] = (await read('confusion.csv')).trimEnd().split('\r\n');
    expect(head).toContain(`"${hostile.replaceAll('"', '""')}"`);
    expect(rows).toHaveLength(10);
    // Nine boots are among the first 100 test images.
    const boots = test.labels.filter((label) => label === 9).length;
    expect(rows[9]).toBe(`Ankle boot,0,0,0,0,0,0,0,0,${boots},0`);
  });

  it('confusion.csv has neither formulas nor control characters', async () => {
    const text = await read('confusion.csv');
    const rows = text.trimEnd().split('\r\n');
    expect(rows.slice(1, 6).map((row) => row.split(',')[0])).toEqual([
      "'=1+cmd|/C calc",
      "'-2",
      '[2J]0;taken',
      'constructor',
      '__proto__',
    ]);
  });

  it.each(['confusion.svg', 'report.html', 'README.md', 'confusion.csv'])(
    '%s names every label, and has no control character',
    async (file) => {
      const text = await read(file);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they must be missing.
      expect(text).not.toMatch(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/);
      for (const label of ['constructor', 'proto', 'taken']) expect(text).toContain(label);
    },
  );

  it('samples.png marks wrong predictions', async () => {
    const { width, height, data, channels } = decode(await readFile(join(path, 'samples.png')));
    expect([width, height]).toEqual([4 * 296 + 16, 5 * 324 + 16]);
    const pixel = (x: number, y: number) => [
      ...data.subarray((y * width + x) * channels, (y * width + x) * channels + 3),
    ];
    // Test image 0 is a boot, predicted as a bag; 5, the second sample, is a trouser.
    expect(test.labels[0]).toBe(9);
    expect(pixel(16, 200)).toEqual([0xc6, 0x28, 0x28]);
    expect(pixel(16 + 296, 200)).not.toEqual([0xc6, 0x28, 0x28]);
    // Each of the image's pixels is a square of ten.
    expect(pixel(16 + 145, 16 + 28 + 155)[0]).toBe(test.images[15 * 28 + 14]);
  });

  it('the charts are SVG that names classes and escapes them', async () => {
    for (const file of ['curves.svg', 'confusion.svg']) {
      const svg = await read(file);
      expect(svg).toMatch(/^<svg .*<\/svg>$/s);
      expect(svg).not.toContain('var(');
    }
    const confusion = await read('confusion.svg');
    expect(confusion).not.toContain('<img');
    expect(confusion).toContain('Ankle boot');
    expect(await read('curves.svg')).toContain('validation');
  });

  it('README.md has front matter with the results of the best epoch', async () => {
    const [, frontMatter = '', text] = (await read('README.md')).split(/^---$/m);
    const [entry] = parse(frontMatter)['model-index'];
    expect(entry.name).toBe('fashion-mnist-cnn');
    expect(entry.results[0].metrics[0]).toEqual({
      type: 'accuracy',
      name: 'Accuracy',
      value: epochOf(2).accuracy,
    });
    expect(entry.results[0].metrics[1].value).toBe(epochOf(2).loss);
    expect(text).toContain('epoch 2 of 5');
    expect(text).not.toContain('<img');
  });

  it('report.html shows the best epoch and loads nothing from other hosts', async () => {
    const page = await read('report.html');
    expect(page).toContain('epoch 2 of 5');
    const boots = test.labels.filter((label) => label === 9).length;
    expect(page).toContain(`help most of: Ankle boot (0 % of ${boots} recognized)`);
    expect(page).not.toContain('<img src=x');
    const addresses = Array.from(page.matchAll(/(?:src|href)="([^"]*)"/g), ([, url]) => url ?? '');
    expect(addresses.length).toBeGreaterThan(5);
    expect(addresses.filter((url) => !/^data:image\/png;base64,/.test(url))).toEqual([]);
    expect(page).not.toMatch(/<script|@import|url\(/);
  });

  explainSkip();
  it.skipIf(!hasChromium)('report.html renders in a browser', async () => {
    const { stdout } = await promisify(execFile)(
      chromiumPath,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--virtual-time-budget=1000',
        `--user-data-dir=${join(path, 'profile')}`,
        '--dump-dom',
        `file://${path}/report.html`,
      ],
      { maxBuffer: 2 ** 24 },
    );
    expect(stdout).toContain('<title>fashion-mnist-cnn, run catwalk-artifacts-');
    // One image per mistake, and none injected by a label.
    expect(stdout.match(/<img /g)).toHaveLength(epochOf(2).mistakes.length);
    expect(stdout.match(/<svg /g)).toHaveLength(2);
    expect(stdout).toContain('&lt;img src=x onerror="document.title=\'taken\'"&gt;');
  });
});
