import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../process/run-program.ts';

/** What lets npm and pip in a build reach what they reach on this machine. */
export interface HostSettings {
  /** Variables of proxies, certificates, npm and pip. */
  environment: Record<string, string>;
  /** Files and folders of this machine that the variables name. */
  paths: string[];
}

// No others: npm's `nodedir`, say, names a folder of this machine that would hide the container's own.
const npmSettings = [
  ...['registry', 'cafile', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'],
  ...['userconfig', 'globalconfig'],
];
const pipSettings = [
  ...['index-url', 'extra-index-url', 'find-links', 'no-index', 'constraint', 'config-file'],
  ...['cert', 'client-cert', 'trusted-host', 'proxy', 'timeout', 'default-timeout', 'retries'],
];
const variables = new Set([
  ...['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
  ...['ssl_cert_file', 'ssl_cert_dir', 'node_extra_ca_certs'],
  ...npmSettings.map((name) => `npm_config_${underscored(name)}`),
  ...pipSettings.map((name) => `pip_${underscored(name)}`),
]);

/** Reads them from the environment and from npm's and pip's own configuration files. */
export async function hostSettings(): Promise<HostSettings> {
  const environment: Record<string, string> = {};
  const npm = JSON.parse(await runProgram('npm', ['config', 'list', '--long', '--json']));
  for (const name of npmSettings) {
    const value = [npm[name]].flat().filter(Boolean).join(',');
    if (value !== '') environment[`npm_config_${underscored(name)}`] = value;
  }
  const pip = await runProgram('python3', ['-m', 'pip', 'config', 'list']);
  for (const [, key, value] of pip.matchAll(/^(?:global|install)\.([\w-]+)='(.*)'$/gm)) {
    if (key && value && pipSettings.includes(key)) {
      environment[`PIP_${underscored(key).toUpperCase()}`] = value;
    }
  }
  for (const [name, value] of Object.entries(process.env)) {
    if (value && variables.has(name.toLowerCase())) environment[name] = value;
  }
  const paths = Object.values(environment)
    .flatMap((value) => value.split(/[\s,]+|:(?!\/\/)/))
    // The pages of an index link to files beside it.
    .map((value) => (value.startsWith('file://') ? dirname(fileURLToPath(value)) : value))
    .filter((value) => value.startsWith('/') && value !== '/' && existsSync(value));
  return { environment, paths: [...new Set(paths)] };
}

/** As infra/trainer/with-environment reads it. */
export const environmentFile = ({ environment }: HostSettings): string =>
  Object.entries(environment)
    .filter(([name]) => /^\w+$/.test(name))
    .map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('');

function underscored(name: string): string {
  return name.replaceAll('-', '_');
}
