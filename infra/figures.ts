/**
 * `npm run docs:figures`: writes figures, from docs/bench/*.json and from the code, between the markers in README.md and docs/*.md.
 * `npm run docs:figures -- --check` changes nothing and exits with 1 if a figure is out of date.
 */
import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { accuracyFigures } from './figures/accuracy.ts';
import { edgeFigures } from './figures/edge.ts';
import { insertFigures } from './figures/insert-figures.ts';
import { operationFigures, settingFigures } from './figures/operation.ts';
import { trainingFigures } from './figures/training.ts';

const repository = join(import.meta.dirname, '..');
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

const figures = new Map([
  ...accuracyFigures(),
  ...trainingFigures(),
  ...edgeFigures(),
  ...operationFigures(),
  ...settingFigures(),
]);

for (const file of globSync(['README.md', 'docs/*.md'], { cwd: repository })) {
  const path = join(repository, file);
  const text = await readFile(path, 'utf8');
  const updated = insertFigures(text, figures, file);
  if (updated === text) continue;
  if (values.check) {
    console.error(`${file}: a figure is out of date. Run npm run docs:figures.`);
    process.exitCode = 1;
  } else {
    await writeFile(path, updated);
    console.log(`Updated ${file}`);
  }
}
