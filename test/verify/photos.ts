/** `npm run verify:photos -- --photos DIR --csv FILE`: measures how many real photos a model or a Worker predicts correctly. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import * as z from 'zod';
import { percent } from '../../node/text.ts';
import { predictionSchema } from '../../shared/model/prediction.ts';
import { imagesOfFiles } from '../../trainer/evaluate/images-to-predict.ts';
import { predictImages } from '../../trainer/evaluate/predict-images.ts';
import { modelOfRun } from '../../trainer/evaluate/trained-model.ts';
import { newestRun } from '../../trainer/run/read-run.ts';

const options = new Command('npm run verify:photos --')
  .description(
    'Predicts photos and prints the accuracy of each group of labels and their mean (macro accuracy). The CSV has the columns id and strict: the photo is <id>.jpg, and the label ids in strict, separated by spaces, count as correct.',
  )
  .requiredOption('--photos <folder>', 'folder of the photos')
  .requiredOption('--csv <file>', 'their labels')
  .option('--url <url>', 'send the photos to this Worker (default: use the newest run)')
  .option('--run <folder>', 'folder of the run to use (default: the newest run)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ photos: string; csv: string; url?: string; run?: string }>();

interface Photo {
  file: string;
  /** The label ids that count as correct. */
  group: string;
}

const photos = readCsv(await readFile(options.csv, 'utf8'));
const predicted = options.url
  ? await askWorker(options.url.replace(/\/+$/, ''))
  : await useModel(options.run ?? (await newestRun('runs')));
report(predicted);

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

async function askWorker(worker: string): Promise<(number | null)[]> {
  const ids: (number | null)[] = [];
  for (const { file } of photos) {
    const body = new Uint8Array(await readFile(file));
    const response = await fetch(`${worker}/predict`, { method: 'POST', body });
    const answer = z.looseObject(predictionSchema.shape).safeParse(await response.json());
    ids.push(answer.success ? answer.data.predicted.id : null);
  }
  return ids;
}

function report(ids: readonly (number | null)[]): void {
  const groups = new Map<string, { photos: number; right: number }>();
  for (const [i, { group }] of photos.entries()) {
    const tally = groups.get(group) ?? { photos: 0, right: 0 };
    tally.photos++;
    if (group.split(' ').includes(String(ids[i]))) tally.right++;
    groups.set(group, tally);
  }
  for (const [group, { photos: count, right }] of [...groups].sort()) {
    console.log(
      `${group.padEnd(8)} ${String(right).padStart(5)} of ${count}  ${percent(right / count)}`,
    );
  }
  const macro = [...groups.values()].reduce(
    (sum, { photos: count, right }) => sum + right / count,
    0,
  );
  console.log(`macro accuracy ${percent(macro / groups.size)} of ${photos.length} photos`);
  const bags = ids.filter((id) => id === 8).length;
  console.log(`predicted as label 8: ${percent(bags / photos.length)}`);
}
