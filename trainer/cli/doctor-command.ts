import { styleText } from 'node:util';
import * as z from 'zod';
import { printText } from '../../node/text.ts';
import { connectionOptions } from '../registry/bucket-location.ts';
import { environmentOptions, trainOptionsSchema } from '../run/options.ts';
import { jsonOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';
import type { Finding } from './doctor-checks.ts';

const { device, dataset, dataDir, publish } = trainOptionsSchema.shape;

export const doctor = defineCommand({
  name: 'doctor',
  description: 'Checks whether this machine can train. Exits with 1 if it cannot.',
  options: z.object({
    device,
    dataset,
    dataDir,
    publish: publish.describe('also check read and write access to this bucket'),
    ...connectionOptions,
    json: jsonOption.describe('print one JSON array instead of text'),
  }),
  environmentOptions,
  async run({ json, ...options }) {
    const { runChecks } = await import('./doctor-checks.ts');
    const findings: Finding[] = [];
    for await (const finding of runChecks(options)) {
      findings.push(finding);
      if (!json) printText(process.stdout, lineOf(finding));
    }
    if (json) process.stdout.write(`${JSON.stringify(findings)}\n`);
    if (findings.some(({ status }) => status === 'fail')) process.exitCode = 1;
  },
});

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function lineOf({ name, status, detail, advice }: Finding): string {
  const mark = styleText(colours[status], status.padEnd(4), { stream: process.stdout });
  const line = `${mark}  ${name.padEnd(18)}  ${detail}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(26)}${advice}\n`;
}
