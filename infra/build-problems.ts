import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';

const source = fileURLToPath(new URL('../docs/problems.md', import.meta.url));
const target = fileURLToPath(new URL('../edge/page/build/', import.meta.url));

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
