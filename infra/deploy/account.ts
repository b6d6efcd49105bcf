import * as z from 'zod';
import { runCommand } from './commands.ts';

const whoamiSchema = z.object({
  loggedIn: z.literal(true),
  accounts: z.array(z.object({ id: z.string(), name: z.string() })),
});

/**
 * Returns the account to deploy to. A token without the permission to list accounts is enough if the account is named.
 *
 * @param configured `account_id` of wrangler.jsonc; CLOUDFLARE_ACCOUNT_ID precedes it
 * @throws {Error} if nobody is logged in, or the account is not clear
 */
export async function chooseAccount(
  environment: NodeJS.ProcessEnv,
  configured: string | undefined,
): Promise<{ id: string; name: string }> {
  const named = environment.CLOUDFLARE_ACCOUNT_ID || configured;
  let answer: string;
  try {
    answer = await runCommand('wrangler', ['whoami', '--json'], environment);
  } catch (cause) {
    if (named && environment.CLOUDFLARE_API_TOKEN) return { id: named, name: named };
    throw new Error(
      'Not logged in to Cloudflare. Run npx wrangler login, or set CLOUDFLARE_API_TOKEN (docs/09-deploy-and-operate.md).',
      { cause },
    );
  }
  const { accounts } = whoamiSchema.parse(JSON.parse(answer.slice(answer.indexOf('{'))));
  if (named && accounts.length === 0) return { id: named, name: named };
  const found = accounts.filter(({ id }) => named === undefined || id === named);
  const [account, ...others] = found;
  if (account && others.length === 0) return account;
  const known = accounts.map(({ id, name }) => `\n  ${id}  ${name}`).join('');
  throw new Error(`Set CLOUDFLARE_ACCOUNT_ID to one of your accounts:${known}`);
}
