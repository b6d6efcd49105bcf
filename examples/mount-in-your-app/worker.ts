/** A Hono app with routes of its own and Catwalk's routes below /vision. */
import { env } from 'cloudflare:workers';
import { catwalk } from 'catwalk/worker';
import { Hono } from 'hono';

const vision = catwalk(env);
const app = new Hono();
app.get('/hello', (context) => context.text('Hello\n'));
app.mount('/vision', vision.fetch);

export default { fetch: app.fetch, scheduled: vision.scheduled } satisfies ExportedHandler;
