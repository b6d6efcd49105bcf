import * as z from 'zod/mini';
import catwalk from '../../package.json' with { type: 'json' };

const packageSchema = z.object({ repository: z.optional(z.object({ url: z.string() })) });

/** `deploy.button`. */
export const repositoryFigures = (): [string, string][] => [
  ['deploy.button', deployButton(catwalk)],
];

/**
 * Returns the Deploy to Cloudflare button (https://developers.cloudflare.com/workers/platform/deploy-buttons/), in Markdown.
 *
 * @param packageJson whose `repository.url` is the address of the fork (default: a placeholder)
 */
export function deployButton(packageJson: unknown): string {
  const { repository } = packageSchema.parse(packageJson);
  const { url = 'https://github.com/<you>/<your fork>' } = repository ?? {};
  const address = url.replace(/^git\+/, '').replace(/\.git$/, '');
  const button = 'https://deploy.workers.cloudflare.com';
  return `[![Deploy to Cloudflare](${button}/button)](${button}/?url=${address})`;
}
