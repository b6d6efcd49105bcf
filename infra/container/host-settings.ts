import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../native/run-program.ts';

/** What lets npm and pip in a build reach what they reach on this machine. */
export interface HostSettings {
  /** Variables of proxies, certificates, npm and pip. */
  environment: Record<string, string>;
  /** Files and folders of this machine that the variables name. */
  paths: string[];
}

const relevant = /^((https?|no|all)_proxy|npm_config_.*|pip_.*|ssl_cert_.*|node_extra_ca_certs)$/i;
const npmSettings = ['registry', 'cafile', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'];

/** Reads them from the environment and from npm's and pip's own configuration files. */
export async function hostSettings(): Promise<HostSettings> {
  const environment: Record<string, string> = {};
  const npm = JSON.parse(
    await runProgram('npm', ['config', 'list', '--long', '--json'], { advice: '' }),
  );
  for (const name of [...npmSettings, 'userconfig', 'globalconfig']) {
    const value = [npm[name]].flat().filter(Boolean).join(',');
    if (value !== '') environment[`npm_config_${name.replaceAll('-', '_')}`] = value;
  }
  const pip = await runProgram('python3', ['-m', 'pip', 'config', 'list'], { advice: '' });
  for (const [, key, value] of pip.matchAll(/^(?:global|install)\.([\w-]+)='(.*)'$/gm)) {
    if (key && value) environment[`PIP_${key.toUpperCase().replaceAll('-', '_')}`] = value;
  }
  for (const [name, value] of Object.entries(process.env)) {
    // npm sets variables for the scripts that it runs; they are about this checkout.
    const isOwn = /^npm_config_(local_prefix|prefix|node_gyp|user_agent|init_module)$/i.test(name);
    if (value && relevant.test(name) && !isOwn) environment[name] = value;
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
