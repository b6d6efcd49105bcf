import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../process/run-program.ts';

/** The settings with which npm and pip in a build reach the same registries as on this machine. */
export interface HostSettings {
  /** The variables of proxies, certificates, npm and pip. */
  environment: Record<string, string>;
  /** Files and folders of this machine that the variables name. */
  paths: string[];
}

// Only these settings: npm's `nodedir`, for example, names a folder that would hide the container's own.
const npmSettings =
  'registry cafile proxy https-proxy noproxy strict-ssl userconfig globalconfig'.split(' ');
const pipSettings =
  'index-url extra-index-url find-links no-index constraint config-file cert client-cert trusted-host proxy timeout default-timeout retries'.split(
    ' ',
  );
const networkVariables =
  'http_proxy https_proxy no_proxy all_proxy ssl_cert_file ssl_cert_dir node_extra_ca_certs'.split(
    ' ',
  );
const variables = new Set([
  ...networkVariables,
  ...npmSettings.map((name) => `npm_config_${underscored(name)}`),
  ...pipSettings.map((name) => `pip_${underscored(name)}`),
]);

/** Reads the settings from the environment and from the configuration of npm and pip. */
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
    // The pages of a package index link to files beside it.
    .map((value) => (value.startsWith('file://') ? dirname(fileURLToPath(value)) : value))
    .filter((value) => value.startsWith('/') && value !== '/' && existsSync(value));
  return { environment, paths: Array.from(new Set(paths)) };
}

/** Returns the content of the file that infra/trainer/with-environment reads. */
export const environmentFile = ({ environment }: HostSettings): string =>
  Object.entries(environment)
    .filter(([name]) => /^\w+$/.test(name))
    .map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('');

function underscored(name: string): string {
  return name.replaceAll('-', '_');
}
