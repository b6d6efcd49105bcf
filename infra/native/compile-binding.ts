import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram, StepError } from '../process/run-program.ts';

/**
 * Compiles the C++ binding between Node and TensorFlow from @tensorflow/tfjs-node-gpu. The binding uses only TensorFlow's
 * C API and Node-API. Both are stable, so it works with newer versions of TensorFlow and Node.
 *
 * @param folder contains node_modules with the packages
 * @param tensorflow the folder of libtensorflow_cc.so.2 and include
 * @param output the file to write; it loads TensorFlow from python/tensorflow beside itself
 * @throws {StepError} with the compiler's messages
 */
export async function compileBinding(folder: string, tensorflow: string, output: string) {
  const packages = join(folder, 'node_modules');
  const source = join(packages, '@tensorflow/tfjs-node-gpu/binding');
  await separateThreadNames(join(source, 'tfjs_backend.cc'));
  await runProgram(
    process.env.CXX ?? 'g++',
    [
      ...'-std=c++17 -O2 -fPIC -shared -DNAPI_VERSION=8 -w'.split(' '),
      `-I${join(packages, 'node-api-headers/include')}`,
      `-I${join(tensorflow, 'include')}`,
      ...globSync('*.cc', { cwd: source }).map((file) => join(source, file)),
      `-L${tensorflow}`,
      '-l:libtensorflow_cc.so.2',
      '-l:libtensorflow_framework.so.2',
      // Node unloads an addon with the thread that loaded it, while TensorFlow's threads still run its code.
      '-Wl,-z,nodelete',
      '-Wl,-rpath,$ORIGIN/python/tensorflow',
      '-o',
      output,
    ],
    {
      advice:
        'Install a C++ compiler (Debian and Ubuntu: apt-get install g++), or name another one in CXX.',
    },
  );
}

const shared = 'static std::set<std::string> ATTR_NAME_SET;';

/**
 * Gives each thread its own set of attribute names. The binding has one set, which all threads change without a lock:
 * two threads that start together can search it forever.
 */
async function separateThreadNames(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (!text.includes(shared))
    throw new StepError(`${file} is not the expected source of tfjs-node-gpu 4.22.0.`);
  await writeFile(file, text.replace(shared, shared.replace('static', 'static thread_local')));
}
