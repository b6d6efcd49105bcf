import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram, SetupError } from './run-program.ts';

/**
 * Compiles the C++ between Node and TensorFlow from @tensorflow/tfjs-node-gpu. It uses TensorFlow's C API and Node-API
 * alone, both of which are stable, so that it fits a TensorFlow and a Node younger than itself.
 *
 * @param folder holds node_modules with the packages
 * @param tensorflow the folder of libtensorflow_cc.so.2 and include
 * @param output the file to write; it looks for TensorFlow in python/tensorflow beside itself
 * @throws {SetupError} with the compiler's own words
 */
export async function compileBinding(folder: string, tensorflow: string, output: string) {
  const packages = join(folder, 'node_modules');
  const source = join(packages, '@tensorflow/tfjs-node-gpu/binding');
  await giveEachThreadItsNames(join(source, 'tfjs_backend.cc'));
  await runProgram(
    process.env.CXX ?? 'g++',
    [
      ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-w'],
      ...['-I', join(packages, 'node-api-headers/include'), '-I', join(tensorflow, 'include')],
      ...globSync('*.cc', { cwd: source }).map((file) => join(source, file)),
      ...['-L', tensorflow, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
      // Node unloads an addon with the thread that loaded it, while TensorFlow's own threads still run its code.
      ...['-Wl,-z,nodelete', '-Wl,-rpath,$ORIGIN/python/tensorflow', '-o', output],
    ],
    {
      advice:
        'A C++ compiler is needed. On Debian and Ubuntu: apt-get install g++ (or name another one in CXX).',
    },
  );
}

const shared = 'static std::set<std::string> ATTR_NAME_SET;';

/**
 * The binding keeps the names of attributes in one set that all threads change without a lock: two of them that start together can
 * look a name up for ever.
 */
async function giveEachThreadItsNames(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (!text.includes(shared)) throw new SetupError(`${file} is not the source expected.`);
  await writeFile(file, text.replace(shared, shared.replace('static', 'static thread_local')));
}
