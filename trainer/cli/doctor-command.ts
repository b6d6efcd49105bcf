import { styleText } from 'node:util';
import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, parseSchemaOptions } from '../../node/options.ts';
import { imageOptions, trainOptionsSchema } from '../run/options.ts';
import type { Finding } from './doctor-checks.ts';

const { device, dataset, dataDir, publish } = trainOptionsSchema.shape;
const doctorOptionsSchema = z.object({
  device,
  dataset,
  dataDir,
  publish: publish
    .describe('also read and write this bucket, as train would')
    .meta({ value: '<s3://bucket/prefix>' }),
  json: z.boolean().default(false).describe('print one JSON array'),
});

/** Adds `catwalk doctor`. */
export function addDoctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('Checks what a training needs on this machine; exit code 1 where it can not run.');
  addSchemaOptions(command, doctorOptionsSchema).action(async (raw) => {
    const { json, ...options } = parseSchemaOptions(doctorOptionsSchema, {
      ...imageOptions(),
      ...raw,
    });
    const { examine } = await import('./doctor-checks.ts');
    const findings: Finding[] = [];
    for await (const finding of examine(options)) {
      findings.push(finding);
      if (!json) process.stdout.write(lineOf(finding));
    }
    if (json) process.stdout.write(`${JSON.stringify(findings)}\n`);
    if (findings.some(({ status }) => status === 'fail')) process.exitCode = 1;
  });
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function lineOf({ name, status, detail, advice }: Finding): string {
  const mark = styleText(colours[status], status.padEnd(4), { stream: process.stdout });
  const line = `${mark}  ${name.padEnd(18)}  ${detail}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(26)}${advice}\n`;
}
