import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';
import { docsPage } from '../openapi/docs-page.ts';
import { openApiDocument } from '../openapi/document.ts';
import { loadOperations } from '../openapi/operations.ts';

const pathOf = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const target = pathOf('edge/page/build/');

/** Writes openapi.json and the page /docs. They are static assets: the Worker's script does not contain them. */
export async function buildDocs(): Promise<void> {
  await mkdir(target, { recursive: true });
  const operations = await loadOperations();
  const document = openApiDocument(operations);
  await writeFile(`${target}openapi.json`, `${JSON.stringify(document, null, 1)}\n`);
  await writeFile(`${target}docs.html`, docsPage(document, operations));
  await copyFile(pathOf('infra/openapi/docs.css'), `${target}docs.css`);
}

/** Makes the page /problems, to which each problem's `type` links, from docs/problems.md. */
export async function buildProblems(): Promise<void> {
  const markdown = new Marked({
    renderer: {
      heading: ({ depth, text }) => `<h${depth} id="${text}">${text}</h${depth}>\n`,
      // The Worker has no other pages of docs/: a link to one becomes its text. `false` renders the link as usual.
      link: ({ href, text }) => (/^[\w-]+\.md\b/.test(href) ? text : false),
    },
  });
  const body = await markdown.parse(await readFile(pathOf('docs/problems.md'), 'utf8'));
  await mkdir(target, { recursive: true });
  await writeFile(
    `${target}problems.html`,
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Catwalk: problem codes</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<main class="article">
${body}</main>
</body>
</html>
`,
  );
}
