import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Whether this machine's Python has modules.
 *
 * @param python the program
 * @param modules their names, such as 'torch'
 */
export async function imports(python: string, ...modules: string[]): Promise<boolean> {
  return promisify(execFile)(python, ['-c', `import ${modules.join(', ')}`]).then(
    () => true,
    () => false,
  );
}
