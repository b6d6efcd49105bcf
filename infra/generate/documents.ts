import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';
import { operations } from '../../edge/api/operations.ts';
import { namedSchemas } from '../../edge/api/schemas.ts';
import { docsPage } from '../openapi/docs-page.ts';
import { openApiDocument } from '../openapi/document.ts';

const target = fileURLToPath(new URL('../../edge/page/build/', import.meta.url));
const style = fileURLToPath(new URL('../openapi/docs.css', import.meta.url));

/** Writes openapi.json and the page /docs beside the Worker's page: static assets, of which the Worker's script knows nothing. */
export async function buildDocs(): Promise<void> {
  await mkdir(target, { recursive: true });
  const document = openApiDocument(operations, namedSchemas);
  await writeFile(`${target}openapi.json`, `${JSON.stringify(document, null, 1)}\n`);
  await writeFile(`${target}docs.html`, docsPage(document, operations));
  await copyFile(style, `${target}docs.css`);
}

const source = fileURLToPath(new URL('../../docs/problems.md', import.meta.url));

/** Makes docs/problems.md the page /problems of the Worker, where each problem's `type` leads. */
export async function buildProblems(): Promise<void> {
  const markdown = new Marked({
    renderer: {
      heading: ({ depth, text }) => `<h${depth} id="${text}">${text}</h${depth}>\n`,
    },
  });
  const body = await markdown.parse(await readFile(source, 'utf8'));
  await mkdir(target, { recursive: true });
  await writeFile(
    `${target}problems.html`,
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Catwalk: problems</title>
</head>
<body>
${body}</body>
</html>
`,
  );
}
