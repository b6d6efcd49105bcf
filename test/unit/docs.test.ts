import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import catwalk from '../../package.json' with { type: 'json' };

const repository = join(import.meta.dirname, '../..');

async function documents(): Promise<{ file: string; text: string }[]> {
  const files = globSync(['*.md', 'docs/**/*.md'], { cwd: repository });
  return Promise.all(
    files.map(async (file) => ({ file, text: await readFile(join(repository, file), 'utf8') })),
  );
}

it('every relative link in the documents has a target', async () => {
  const all = await documents();
  expect(all.length).toBeGreaterThan(1);
  for (const { file, text } of all) {
    // GitHub resolves ../../actions/ from the repository's page: a badge that also works in forks.
    const links = text.matchAll(/\]\((?!https?:|#|\.\.\/\.\.\/actions\/)([^)#\s]+)/g);
    const targets = Array.from(links, ([, path]) => path);
    const missing = targets.filter(
      (path) => !existsSync(join(repository, dirname(file), path as string)),
    );
    expect(missing, file).toEqual([]);
  }
});

/** The anchors that GitHub gives to headings. */
const anchorsOf = (text: string) =>
  Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

it('every link to a heading has a target', async () => {
  let seen = 0;
  for (const { file, text } of await documents()) {
    for (const [, path, anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)) {
      const target = path ? join(repository, dirname(file), path) : join(repository, file);
      expect(anchorsOf(await readFile(target, 'utf8')), `${file}: ${path}#${anchor}`).toContain(
        anchor,
      );
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(0);
});

it('the README stays under 120 lines', async () => {
  const text = await readFile(join(repository, 'README.md'), 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThan(120);
});

it('every npm script that the documents name exists', async () => {
  for (const { file, text } of await documents()) {
    const named = Array.from(text.matchAll(/npm run ([a-z:-]+)/g), ([, script]) => script);
    expect(
      named.filter((script) => !Object.hasOwn(catwalk.scripts, script as string)),
      file,
    ).toEqual([]);
  }
});

it('every page of docs/ that the source names exists', async () => {
  const folders = '{edge,examples,infra,node,shared,test,trainer}/**/*.{ts,yaml,html}';
  const files = globSync(['*.{jsonc,toml}', '.github/**/*.yaml', folders], {
    cwd: repository,
    exclude: (path) => /(^|\/)(build|node_modules)$/.test(path),
  });
  const named = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(repository, file), 'utf8');
      const pages = text.matchAll(/(?<![\w/.])docs\/[\w-]+\.md/g);
      return Array.from(pages, ([page]) => ({ file, page }));
    }),
  );
  expect(named.flat().length).toBeGreaterThan(0);
  expect(named.flat().filter(({ page }) => !existsSync(join(repository, page)))).toEqual([]);
});

it('every source file that the documents name exists', async () => {
  const path = /`((?:\.ci|edge|examples|infra|node|shared|test|trainer)\/[\w./-]+\.\w+)`/g;
  for (const { file, text } of await documents()) {
    const named = Array.from(text.matchAll(path), ([, source]) => source as string);
    expect(
      named.filter((source) => !existsSync(join(repository, source))),
      file,
    ).toEqual([]);
  }
});
