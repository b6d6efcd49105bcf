import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { operations } from '../edge/api/operations.ts';
import { namedSchemas } from '../edge/api/schemas.ts';
import { docsPage } from './openapi/docs-page.ts';
import { openApiDocument } from './openapi/document.ts';

const target = fileURLToPath(new URL('../edge/page/build/', import.meta.url));
const style = fileURLToPath(new URL('openapi/docs.css', import.meta.url));

/** Writes openapi.json and the page /docs beside the Worker's page: static assets, of which the Worker's script knows nothing. */
export async function buildDocs(): Promise<void> {
  await mkdir(target, { recursive: true });
  const document = openApiDocument(operations, namedSchemas);
  await writeFile(`${target}openapi.json`, `${JSON.stringify(document, null, 1)}\n`);
  await writeFile(`${target}docs.html`, docsPage(document, operations));
  await copyFile(style, `${target}docs.css`);
}
