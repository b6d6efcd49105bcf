import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { buildah, buildahCommand } from '../../infra/container/buildah.ts';

export interface RunOptions {
  environment?: Record<string, string>;
  /** host:container[:options] */
  volumes?: string[];
  /** uid:gid (default: the image's). */
  user?: string;
}

export interface ImageRun {
  child: ChildProcess;
  /** The output of both streams so far. */
  output(): string;
  /** Resolves with the exit code. */
  exited: Promise<number>;
}

/** A container that runs commands as a container engine would. */
export interface Container {
  /** Its entry point with these arguments. */
  start(commandArguments: string[], options?: RunOptions): ImageRun;
  /** Another program of the image. */
  startProgram(program: string[], options?: RunOptions): ImageRun;
  remove(): Promise<void>;
}

export async function createContainer(image: string): Promise<Container> {
  const name = await buildah('from', '--pull-never', image);
  const inspected = JSON.parse(await buildah('inspect', '--type', 'image', image));
  const { Entrypoint, User } = inspected.Docker.config as { Entrypoint: string[]; User: string };
  const startProgram: Container['startProgram'] = (program, options = {}) => {
    const [command, ...rest] = buildahCommand(
      'run',
      '--isolation',
      'chroot',
      '--user',
      options.user ?? User,
      ...Object.entries(options.environment ?? {}).flatMap(([key, value]) => [
        '--env',
        `${key}=${value}`,
      ]),
      ...(options.volumes ?? []).flatMap((volume) => ['--volume', volume]),
      name,
      '--',
      ...program,
    ) as [string, ...string[]];
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const exited = once(child, 'close').then(([code]) => code ?? -1);
    return { child, output: () => output, exited };
  };
  return {
    startProgram,
    start: (commandArguments, options) =>
      startProgram([...Entrypoint, ...commandArguments], options),
    async remove() {
      await buildah('rm', name);
    },
  };
}

/** The container's first process, which an engine would signal: the descendant that runs `program`. */
export async function findProcess(parent: number, program: string): Promise<number | null> {
  // A child belongs to the thread that started it.
  const threads = await readdir(`/proc/${parent}/task`).catch(() => []);
  const children = await Promise.all(
    threads.map((thread) =>
      readFile(`/proc/${parent}/task/${thread}/children`, 'utf8').catch(() => ''),
    ),
  );
  for (const child of children.join(' ').split(' ').filter(Boolean).map(Number)) {
    const commandLine = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
    if (basename(commandLine.split('\0')[0] ?? '') === program) return child;
    const found = await findProcess(child, program);
    if (found !== null) return found;
  }
  return null;
}
