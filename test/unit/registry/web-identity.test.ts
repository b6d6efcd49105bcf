import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type StandIn, startStandIn } from '../../support/s3/stand-in.ts';

const run = promisify(execFile);
const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
const arn = 'arn:aws:iam::111122223333:role/catwalk-trainer';
let folder: string;
let store: StandIn;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-identity-'));
  store = await startStandIn('web identity');
});
afterAll(async () => {
  await store.stop();
  await rm(folder, { recursive: true });
});

/** Starts AWS's Security Token Service as far as pods use it: it exchanges one token for the credentials of a role. */
async function startTokenService(token: string) {
  const requests: Record<string, string>[] = [];
  const server = createServer(async (request, response) => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    requests.push(form);
    const isValid = form.WebIdentityToken === token;
    response.writeHead(isValid ? 200 : 400, { 'content-type': 'text/xml' });
    response.end(isValid ? credentials : invalidToken);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { endpoint: `http://127.0.0.1:${port}`, requests, stop };
}

const credentials = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials>
    <AccessKeyId>ASIAOFTHEROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
    <SessionToken>session-of-the-role</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`;
const invalidToken = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
  <Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>The audience is wrong</Message>
</Error></ErrorResponse>`;

/** Lists the models in the store, with the variables of a pod. */
async function listModels(environment: Record<string, string>) {
  const { PATH = '' } = process.env;
  const env = { PATH, HOME: folder, AWS_REGION: 'eu-west-1', AWS_MAX_ATTEMPTS: '1' };
  const argv = [cli, 'models', '--all', '--json', '--bucket', 's3://catwalk'];
  const { AWS_ENDPOINT_URL_S3 = '' } = store.environment;
  store.requests.length = 0;
  return run(process.execPath, argv, { env: { ...env, AWS_ENDPOINT_URL_S3, ...environment } }).then(
    () => '',
    ({ stderr }: { stderr: string }) => stderr,
  );
}

it("uses the credentials of the pod's role, without any key", async () => {
  const service = await startTokenService('token-of-the-pod');
  try {
    const AWS_WEB_IDENTITY_TOKEN_FILE = join(folder, 'token');
    await writeFile(AWS_WEB_IDENTITY_TOKEN_FILE, 'token-of-the-pod');
    const pod = {
      AWS_WEB_IDENTITY_TOKEN_FILE,
      AWS_ROLE_ARN: arn,
      AWS_ENDPOINT_URL_STS: service.endpoint,
    };
    expect(await listModels(pod)).toBe('');
    expect(service.requests).toEqual([
      expect.objectContaining({
        Action: 'AssumeRoleWithWebIdentity',
        RoleArn: arn,
        WebIdentityToken: 'token-of-the-pod',
      }),
    ]);
    expect(store.requests).not.toEqual([]);
    for (const { headers } of store.requests) {
      expect(headers.authorization).toContain('Credential=ASIAOFTHEROLE/');
      expect(headers['x-amz-security-token']).toBe('session-of-the-role');
    }

    await writeFile(AWS_WEB_IDENTITY_TOKEN_FILE, 'of another audience');
    expect(await listModels(pod)).toContain('The audience is wrong');

    // Keys precede the token: a secret beside it is enough for other stores.
    service.requests.length = 0;
    expect(await listModels({ ...pod, AWS_ACCESS_KEY_ID: 'KEY', AWS_SECRET_ACCESS_KEY: 'x' })).toBe(
      '',
    );
    expect(service.requests).toEqual([]);
    expect(store.requests[0]?.headers.authorization).toContain('Credential=KEY/');
  } finally {
    service.stop();
  }
});
