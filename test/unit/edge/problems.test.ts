import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { problems } from '../../../edge/errors.ts';

it('docs/problems.md describes every code, with its status and title, and no other', async () => {
  const file = join(import.meta.dirname, '../../../docs/problems.md');
  const [, ...sections] = (await readFile(file, 'utf8')).split(/^## /m);
  const documented = sections.map((section) => {
    const [code, text = ''] = section.split('\n\n');
    return [code, text.replaceAll('\n', ' ').split('. ')[0]];
  });
  expect(Object.fromEntries(documented)).toEqual(
    Object.fromEntries(
      Object.entries(problems).map(([code, { status, title }]) => [code, `${status} ${title}`]),
    ),
  );
  expect(documented).toHaveLength(Object.keys(problems).length);
});
