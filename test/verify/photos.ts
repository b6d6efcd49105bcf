/** `npm run verify:photos -- --photos DIR --csv FILE`: measures how many real photos a model or a Worker predicts correctly. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import * as z from 'zod';
import { percent } from '../../node/text.ts';
import { predictionSchema } from '../../shared/model/prediction.ts';
import { imagesOfFiles } from '../../trainer/evaluate/images-to-predict.ts';
import { predictImages } from '../../trainer/evaluate/predict-images.ts';
import { modelOfRun } from '../../trainer/evaluate/trained-model.ts';
import { newestRun, readRun } from '../../trainer/run/read-run.ts';

const options = new Command('npm run verify:photos --')
  .description(
    'Predicts photos and prints the accuracy of each group of labels and their mean (macro accuracy). The CSV has the columns id and strict: the photo is <id>.jpg, and the label ids in strict, separated by spaces, count as correct.',
  )
  .requiredOption('--photos <folder>', 'folder of the photos')
  .requiredOption('--csv <file>', 'their labels')
  .option('--url <url>', 'send the photos to this Worker (default: use the newest run)')
  .option('--run <folder>', 'folder of the run to use (default: the newest run)')
  .option('--save', "keep the result of the run's recipe in docs/bench/photos.json")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ photos: string; csv: string; url?: string; run?: string; save?: true }>();

interface Photo {
  file: string;
  /** The label ids that count as correct. */
  group: string;
}

const photos = readCsv(await readFile(options.csv, 'utf8'));
const run = options.url ? null : (options.run ?? (await newestRun('runs')));
const result = measure(run === null ? await askWorker(options.url ?? '') : await useModel(run));
print(result);
if (options.save && run !== null) await save(run);

function readCsv(text: string): Photo[] {
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const columns = header.split(',');
  const [id, strict] = [columns.indexOf('id'), columns.indexOf('strict')];
  if (id === -1 || strict === -1) throw new Error(`${options.csv} has no columns id and strict.`);
  return lines.map((line) => {
    const values = line.split(',');
    return { file: join(options.photos, `${values[id]}.jpg`), group: values[strict] as string };
  });
}

/** Returns the label id of each photo, `null` for one that can't be read. */
async function useModel(run: string): Promise<(number | null)[]> {
  const model = await modelOfRun(run);
  const files = photos.map(({ file }) => file);
  const images = await imagesOfFiles(files, model.spec, 'auto');
  const readable = images.filter((image) => 'pixels' in image);
  const predictions = await predictImages(model, readable, { backend: 'auto', device: 'auto' });
  const rest = predictions.values();
  return images.map((image) =>
    'pixels' in image ? (rest.next().value?.predicted.id ?? null) : null,
  );
}

async function askWorker(url: string): Promise<(number | null)[]> {
  const worker = url.replace(/\/+$/, '');
  const ids: (number | null)[] = [];
  for (const { file } of photos) {
    const body = new Uint8Array(await readFile(file));
    const response = await fetch(`${worker}/predict`, { method: 'POST', body });
    const answer = z.looseObject(predictionSchema.shape).safeParse(await response.json());
    ids.push(answer.success ? answer.data.predicted.id : null);
  }
  return ids;
}

function measure(ids: readonly (number | null)[]) {
  const groups = new Map<string, { group: string; photos: number; right: number }>();
  for (const [i, { group }] of photos.entries()) {
    const tally = groups.get(group) ?? { group, photos: 0, right: 0 };
    tally.photos++;
    if (group.split(' ').includes(String(ids[i]))) tally.right++;
    groups.set(group, tally);
  }
  const tallies = [...groups.values()].toSorted((a, b) => (a.group < b.group ? -1 : 1));
  const shares = tallies.map(({ photos: count, right }) => right / count);
  return {
    photos: photos.length,
    macro: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    bags: ids.filter((id) => id === 8).length / photos.length,
    groups: tallies,
  };
}

function print({ groups, macro, bags }: ReturnType<typeof measure>): void {
  for (const { group, photos: count, right } of groups) {
    console.log(
      `${group.padEnd(8)} ${String(right).padStart(5)} of ${count}  ${percent(right / count)}`,
    );
  }
  console.log(`macro accuracy ${percent(macro)} of ${photos.length} photos`);
  console.log(`predicted as label 8: ${percent(bags)}`);
}

/** Replaces the result of the run's recipe. */
async function save(folder: string): Promise<void> {
  const file = join(import.meta.dirname, '../../docs/bench/photos.json');
  const { config, epoch } = await readRun(folder);
  const { recipe, seed } = config;
  const own = { recipe, epoch: epoch.epoch, seed, testAccuracy: epoch.accuracy, ...result };
  const saved: { results: (typeof own)[] } = JSON.parse(await readFile(file, 'utf8'));
  const others = saved.results.filter((other) => other.recipe !== recipe);
  const results = [...others, own].toSorted((a, b) => (a.recipe < b.recipe ? 1 : -1));
  await writeFile(file, `${JSON.stringify({ results }, null, 2)}\n`);
}
