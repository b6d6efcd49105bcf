import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';

/** A first deployment's name and certificate take a while to be known everywhere. */
const limitMs = 180_000;
const pollMs = 1_000;
const requestMs = 10_000;

const readySchema = z.object({
  status: z.literal('ready'),
  model: z.object({ version: z.string() }),
  failure: z.object({ detail: z.string() }).nullable(),
});
const problemSchema = z.object({ code: z.string(), detail: z.string() });

export type Readiness =
  /** It serves this version; `failure` says why not the one that the alias names. */
  | { state: 'ready'; version: string; failure: string | null }
  /** It answers, but no model is published. */
  | { state: 'no-model' };

/**
 * Asks a Worker's /readyz until it has an answer.
 *
 * @throws {Error} that has the last answer, where there is none within three minutes
 */
export async function waitUntilReady(url: string): Promise<Readiness> {
  const end = Date.now() + limitMs;
  let last = 'no answer';
  while (Date.now() < end) {
    try {
      const response = await fetch(new URL('/readyz', url), {
        signal: AbortSignal.timeout(requestMs),
      });
      const text = await response.text();
      last = `${response.status}: ${text.slice(0, 500)}`;
      const body: unknown = JSON.parse(text);
      const ready = readySchema.safeParse(body);
      if (response.ok && ready.success) {
        const { model, failure } = ready.data;
        return { state: 'ready', version: model.version, failure: failure?.detail ?? null };
      }
      if (problemSchema.safeParse(body).data?.code === 'no_model') return { state: 'no-model' };
    } catch (error) {
      if (error instanceof TypeError) last = String((error.cause as Error)?.message ?? error);
    }
    await wait(pollMs);
  }
  throw new Error(
    `The Worker is deployed, but ${url}/readyz does not answer as it should. The last: ${last}`,
  );
}
