/** `npm run docs:figures [-- --check]`: writes the figures in README.md and docs/*.md, or checks them. */
import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { accuracyFigures } from './figures/accuracy.ts';
import { edgeFigures } from './figures/edge.ts';
import { insertFigures } from './figures/insert-figures.ts';
import { networkFigures } from './figures/networks.ts';
import { operationFigures, settingFigures } from './figures/operation.ts';
import { ownFigures } from './figures/own.ts';
import { photoFigures } from './figures/photos.ts';
import { repositoryFigures } from './figures/repository.ts';
import { trainingFigures } from './figures/training.ts';

const repository = join(import.meta.dirname, '..');
const { check } = new Command('npm run docs:figures --')
  .description(
    'Writes figures, from docs/bench/*.json and from the code, between the markers in README.md and docs/*.md.',
  )
  .option('--check', 'change nothing, and exit with 1 if a figure is out of date')
  .parse()
  .opts<{ check?: true }>();

const figures = new Map([
  ...accuracyFigures(),
  ...photoFigures(),
  ...trainingFigures(),
  ...edgeFigures(),
  ...networkFigures(),
  ...ownFigures(),
  ...operationFigures(),
  ...settingFigures(),
  ...repositoryFigures(),
]);

for (const file of globSync(['README.md', 'docs/*.md'], { cwd: repository })) {
  const path = join(repository, file);
  const text = await readFile(path, 'utf8');
  const updated = insertFigures(text, figures, file);
  if (updated === text) continue;
  if (check) {
    console.error(`${file}: a figure is out of date. Run npm run docs:figures.`);
    process.exitCode = 1;
  } else {
    await writeFile(path, updated);
    console.log(`Updated ${file}`);
  }
}
