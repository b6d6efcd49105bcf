import { env } from 'cloudflare:workers';
import { catwalk } from './worker.ts';

export default catwalk(env);
