import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkNode, type Finding } from '../../../trainer/cli/doctor-checks.ts';
import { bucketEnvironment } from '../../support/s3/local-bucket.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');

function doctor(argv: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string }>((resolve) => {
    const options = { env: { ...process.env, ...env } };
    const child = execFile(process.execPath, [cli, 'doctor', ...argv], options, (_error, stdout) =>
      resolve({ code: child.exitCode ?? -1, stdout }),
    );
  });
}

const findingsOf = (stdout: string) =>
  new Map((JSON.parse(stdout) as Finding[]).map((finding) => [finding.name, finding]));

describe('catwalk doctor', () => {
  it('passes on this machine with a writable bucket', async () => {
    const { code, stdout } = await doctor(
      ['--json', '--device', 'cpu', '--publish', 's3://catwalk/doctor'],
      bucketEnvironment,
    );
    const findings = findingsOf(stdout);
    expect([...findings.values()].filter(({ status }) => status === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(findings.get('backend wasm')?.detail).toMatch(/^4\.\d+\.\d+ on CPU \(/);
    expect(findings.get('data set')?.status).toBe('ok');
    expect(findings.get('bucket')?.detail).toContain('honours conditional writes');
  });

  it('ends with 1 and advice for an unusable bucket and data folder', async () => {
    const { code, stdout } = await doctor(
      ['--json', '--publish', 's3://nowhere', '--data-dir', import.meta.dirname],
      {
        AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
        AWS_ACCESS_KEY_ID: 'nobody',
        AWS_SECRET_ACCESS_KEY: 'not-to-be-shown',
      },
    );
    expect(code).toBe(1);
    const findings = findingsOf(stdout);
    for (const name of ['bucket', 'data set']) {
      expect(findings.get(name)?.status, name).toBe('fail');
      expect(findings.get(name)?.advice, name).not.toBe('');
    }
    expect(stdout).toContain('http://127.0.0.1:9');
    expect(stdout).not.toContain('not-to-be-shown');
  });

  it.runIf(process.platform === 'linux')(
    'explains what webgpu lacks, which is optional',
    async () => {
      const { code, stdout } = await doctor(['--json'], { VK_DRIVER_FILES: '/nowhere/icd.json' });
      const finding = findingsOf(stdout).get('backend webgpu');
      expect(finding?.status).toBe('warn');
      // Whatever is missing first: Dawn, the loader or the driver.
      expect(finding?.detail).toMatch(/setup:webgpu|libvulkan1|\/nowhere\/icd\.json/);
      expect(finding?.advice).toContain('Optional');
      expect(code).toBe(0);
    },
  );

  it('ends with 1 if a GPU is required by option or image and does not answer', async () => {
    const hidden = { CUDA_VISIBLE_DEVICES: '-1' };
    const asked = await doctor(['--device', 'gpu'], hidden);
    expect(asked.code).toBe(1);
    expect(asked.stdout).toMatch(/fail {2}backend tensorflow/);
    const image = await doctor([], { ...hidden, CATWALK_DEVICE: 'gpu' });
    expect(image.code).toBe(1);
    const allowed = await doctor(['--device', 'cpu'], { ...hidden, CATWALK_DEVICE: 'gpu' });
    expect(allowed.code).toBe(0);
  });
});

describe('the check of Node', () => {
  it.each([
    ['24.1.0', 'ok'],
    ['22.18.0', 'ok'],
    ['22.17.1', 'fail'],
    ['20.20.2', 'fail'],
  ])('%s: %s', (version, status) => {
    expect(checkNode(version).status).toBe(status);
  });
});
