/** Commands at a bucket that can't be reached, or only on a detour: credentials, proxies and certificates. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createProxy } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { requirement } from '../../support/requirement.ts';
import { startStandIn } from '../../support/s3/stand-in.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
const folder = await mkdtemp(join(tmpdir(), 'catwalk-bucket-errors-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A command that starts with Node takes less than this to fail, even on a busy machine. */
const limitMs = 20_000;

/** Lists the models with no other settings of AWS than these. */
function models(environment: Record<string, string>, ...argv: string[]) {
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env;
  const env = {
    PATH,
    NODE_COMPILE_CACHE,
    HOME: folder,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
    ...environment,
  };
  const command = [cli, 'models', '--bucket', 's3://catwalk', ...argv];
  const options = { env, timeout: limitMs };
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(process.execPath, command, options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

describe('credentials', () => {
  it('with a line break end the command at once, with what to do', async () => {
    const { code, stderr } = await models({ ...keys, AWS_ACCESS_KEY_ID: 'id\n' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/AWS_ACCESS_KEY_ID has a space or a line break in it\. Set it again/);
  });

  it('that are missing', async () => {
    const { code, stderr } = await models({});
    expect(code).toBe(1);
    expect(stderr).toMatch(/no credentials \(CredentialsProviderError: .*Set AWS_ACCESS_KEY_ID/);
  });

  it('of a profile with a typo', async () => {
    const { code, stderr } = await models({}, '--profile', 'typo');
    expect(code).toBe(1);
    expect(stderr).toMatch(/There is no profile typo/);
  });

  it('in a token file that is missing', async () => {
    const { code, stderr } = await models({
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'no-token'),
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/catwalk',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /file with credentials is missing \(ENOENT: .*no-token.*AWS_WEB_IDENTITY_TOKEN_FILE/,
    );
  });

  it('from a program that returns a line break end the command soon', async () => {
    const credentials = { Version: 1, AccessKeyId: 'id\n', SecretAccessKey: 'secret' };
    const printed = join(folder, 'credentials.json');
    await writeFile(printed, JSON.stringify(credentials));
    const config = join(folder, 'program');
    await writeFile(config, `[profile program]\ncredential_process = cat ${printed}\n`);
    const { code, stderr } = await models({ AWS_CONFIG_FILE: config }, '--profile', 'program');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /a credential contains a character that no header may have \(ERR_INVALID_CHAR/,
    );
  });

  it('of an SSO session that has expired', async () => {
    const start = 'https://catwalk.awsapps.com/start';
    await mkdir(join(folder, '.aws/sso/cache'), { recursive: true });
    await writeFile(
      join(folder, '.aws/config'),
      `[profile sso]\nsso_start_url = ${start}\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = publisher\nregion = eu-west-1\n`,
    );
    const token = { accessToken: 'expired', expiresAt: '2020-01-01T00:00:00Z', startUrl: start };
    const name = createHash('sha1').update(start).digest('hex');
    await writeFile(join(folder, `.aws/sso/cache/${name}.json`), JSON.stringify(token));
    const { code, stderr } = await models({}, '--profile', 'sso');
    expect(code).toBe(1);
    expect(stderr).toMatch(/no credentials \(.*SSO session .*expired.*Log in again: aws sso login/);
  });
});

describe('a proxy', () => {
  it('is used according to HTTP_PROXY and NO_PROXY, with the bucket in the host name', async () => {
    const proxy = await startStandIn('proxy');
    const proxied = { ...keys, HTTP_PROXY: proxy.endpoint, AWS_REGION: 'auto' };
    const endpoint = 'http://store.test';
    const through = await models(proxied, '--endpoint', endpoint, '--path-style', 'false');
    expect(through.stderr).toBe('');
    expect(through.code).toBe(0);
    expect(proxy.requests[0]?.headers.host).toBe('catwalk.store.test');
    const besides = await models({ ...proxied, NO_PROXY: 'store.test' }, '--endpoint', endpoint);
    expect(besides.code).toBe(1);
    expect(besides.stderr).toMatch(/no answer \(.*store\.test/);
    await proxy.stop();
  });
});

describe('a server with a certificate that no known authority has signed', () => {
  const run = promisify(execFile);
  const key = join(folder, 'key.pem');
  const certificate = join(folder, 'certificate.pem');

  /** @returns null if openssl is missing */
  async function startTls() {
    const names = 'subjectAltName=IP:127.0.0.1,DNS:catwalk.store.test';
    const made = await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
      ...['-subj', '/CN=127.0.0.1', '-addext', names, '-keyout', key, '-out', certificate],
    ]).catch(() => null);
    if (!requirement(made !== null, 'a test with TLS. Install openssl first.')) return null;
    const files = { key: await readFile(key), cert: await readFile(certificate) };
    return startStandIn('TLS', undefined, { serve: (listener) => createServer(files, listener) });
  }

  it('is reached through the tunnel of HTTPS_PROXY, with the bucket in the host name', async ({
    skip,
  }) => {
    const standIn = await startTls();
    if (!standIn) return skip();
    const tunnels: string[] = [];
    const proxy = createProxy().on('connect', ({ url = '' }, client) => {
      tunnels.push(url);
      const server = connect(Number(new URL(standIn.endpoint).port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        server.pipe(client).pipe(server);
      });
      for (const socket of [client, server]) socket.on('error', () => {});
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const environment = {
      ...keys,
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
      AWS_CA_BUNDLE: certificate,
      AWS_ENDPOINT_URL: 'https://store.test',
    };
    const { code, stderr } = await models(environment, '--path-style', 'false');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(new Set(tunnels)).toEqual(new Set(['catwalk.store.test:443']));
    proxy.close();
    await standIn.stop();
  });

  it('is named, and accepted with AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS', async ({ skip }) => {
    const standIn = await startTls();
    if (!standIn) return skip();
    const at = { ...keys, AWS_ENDPOINT_URL: standIn.endpoint };
    const refused = await models(at);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /certificate is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT: .*NODE_EXTRA_CA_CERTS or AWS_CA_BUNDLE/,
    );
    for (const name of ['AWS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']) {
      const accepted = await models({ ...at, [name]: certificate });
      expect(accepted.stderr).toBe('');
      expect(accepted.code).toBe(0);
    }
    const missing = await models({ ...at, AWS_CA_BUNDLE: join(folder, 'missing.pem') });
    expect(missing.stderr).toMatch(
      /The file of AWS_CA_BUNDLE, .*missing\.pem, can't be read: .*ENOENT/,
    );
    await standIn.stop();
  });
});
