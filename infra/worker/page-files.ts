import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** A file of the page with the path and the headers that it is served with. */
export interface PageFile {
  /** Its path in the page's folder. */
  file: string;
  /** The path of its URL: `/` for index.html, without `.html` for the others. */
  path: string;
  headers: Record<string, string>;
}

const mediaTypes: Record<string, string> = {
  '.bin': 'application/octet-stream',
  '.idx': 'application/octet-stream',
  '.sig': 'application/octet-stream',
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Lists the files of the page with their headers, as Cloudflare serves static assets with a `_headers` file. */
export async function readPageFiles(folder: string): Promise<PageFile[]> {
  const rules = parseHeaderRules(await readFile(join(folder, '_headers'), 'utf8'));
  const files = globSync('**/*.*', { cwd: folder }).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const type = mediaTypes[extname(file)];
      if (!type)
        throw new Error(`${file} has no media type: add it to infra/worker/page-files.ts.`);
      const path = `/${file.replace(/(^index)?\.html$/, '')}`;
      const hash = createHash('sha256').update(await readFile(join(folder, file)));
      const headers: Record<string, string> = {
        'content-type': type,
        'cache-control': 'public, max-age=0, must-revalidate',
        etag: `"${hash.digest('hex').slice(0, 32)}"`,
      };
      for (const rule of rules)
        if (path.startsWith(rule.prefix)) Object.assign(headers, rule.headers);
      return { file, path, headers };
    }),
  );
}

/** Parses `_headers`: patterns such as `/chunks/*`, each followed by indented lines `Name: value`. */
function parseHeaderRules(text: string): { prefix: string; headers: Record<string, string> }[] {
  const rules: { prefix: string; headers: Record<string, string> }[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, name, value] = /^\s+([\w-]+): (.*)$/.exec(line) ?? [];
    if (name && value) Object.assign(rules.at(-1)?.headers ?? {}, { [name.toLowerCase()]: value });
    else if (line.endsWith('/*')) rules.push({ prefix: line.slice(0, -1), headers: {} });
    else
      throw new Error(`_headers: "${line}" is neither a pattern that ends with /* nor a header.`);
  }
  return rules;
}
