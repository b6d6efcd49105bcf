/** Serves the page and TensorFlow.js on http://localhost:3000, or on another PORT. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const files: Record<string, [file: URL | string, type: string]> = {
  '/': [new URL('index.html', import.meta.url), 'text/html'],
  '/classify.js': [new URL('classify.js', import.meta.url), 'text/javascript'],
  '/tf.min.js': [new URL('tf.min.js', import.meta.resolve('@tensorflow/tfjs')), 'text/javascript'],
};

const server = createServer(async ({ url = '/' }, response) => {
  const found = files[url.replace(/\?.*/, '')];
  if (found === undefined) return void response.writeHead(404).end();
  const [file, type] = found;
  response.writeHead(200, { 'content-type': type }).end(await readFile(fileURLToPath(file)));
});
server.listen(Number(process.env.PORT ?? 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${typeof address === 'object' ? address?.port : address}`);
});
