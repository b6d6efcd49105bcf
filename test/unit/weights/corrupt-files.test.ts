import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromPytorch } from '../../../trainer/weights/pytorch.ts';
import { readPytorch } from '../../../trainer/weights/pytorch-file.ts';
import { readWeightsFile } from '../../../trainer/weights/read-weights-file.ts';
import { readSafetensors } from '../../../trainer/weights/safetensors.ts';
import { WeightsFileError } from '../../../trainer/weights/tensor.ts';
import { narrowCnn, readFixture } from '../../support/models/narrow-network.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-weights-'));
});
afterAll(() => rm(folder, { recursive: true }));

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
/** A .pth with that pickle. */
const archiveOf = (pickle: Uint8Array) => zipSync({ 'archive/data.pkl': pickle });
const failureOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(WeightsFileError);
    return (error as Error).message;
  }
  throw new Error('It was read.');
};

describe('a pickle that would execute code', () => {
  const [none, object] = ['The file contains no state_dict: ', 'but a pickled object '];
  test.each([
    ['calls os.system', 'cos\nsystem\n(X\x02\0\0\0lstR.', `${object}(os.system)`],
    ['names eval', '\x80\x04\x8c\x08builtins\x8c\x04eval\x93.', none],
    [
      'is a whole model',
      '\x80\x02c__main__\nNetwork\n)\x81}b.',
      `${object}(__main__.Network): save`,
    ],
    ['makes an object of a list', '\x80\x02])\x81.', 'that is not a function at byte 4'],
    ['uses the instance opcode', '(ios\nsystem\n.', 'opcode 0x69 is not allowed at byte 1'],
    ['reads extensions', '\x80\x02\x82\x01.', 'opcode 0x82 is not allowed at byte 2'],
    ['calls a storage type', '\x80\x02ctorch\nFloatStorage\n)R.', `${object}(FloatStorage)`],
    ['has the attributes of a list set', '\x80\x02]}b.', 'that is not an object at byte 4'],
    ['has an integer of a megabyte', '\x80\x02\x8b\0\0\x10\0.', 'more than 1,024 bytes at byte 2'],
  ])('%s: executes nothing', (_, pickle, message) => {
    expect(failureOf(() => readPytorch(archiveOf(latin1(pickle))))).toContain(message);
  });
});

/** A tuple of the same tuple twice, `depth` times over: 2^depth strings, if anything writes it out. */
const nestedTuples = (depth: number) => {
  const levels = Array.from({ length: depth }, (_, i) => `q${code(i)}h${code(i)}\x86`);
  return `X\x01\0\0\0x${levels.join('')}`;
};
const code = (byte: number) => String.fromCharCode(byte);

describe('a pickle with 2^60 strings in a few hundred bytes', () => {
  const tuple = nestedTuples(60);
  test.each([
    ['as the name of a tensor', `}(${tuple}K\x01u.`, 'contains no state_dict'],
    ['as a key beside tensors', `}${tuple}K\x01s.`, 'contains no state_dict'],
    [
      'as a dictionary that contains itself',
      `}q\xfeh\xfeK\x01sX\x01\0\0\0ah\xfes.`,
      'no state_dict',
    ],
    ['as the name of a global', `${tuple}X\x01\0\0\0y\x93.`, 'with a value that is not a string'],
    ['as a persistent ID', `${tuple}Q.`, 'does not name a storage'],
    ['as parameters', `ctorch._utils\n_rebuild_tensor_v2\n${tuple}R.`, 'lacks its storage'],
    ['as the root', `${tuple}.`, 'contains no state_dict'],
  ])('%s: refused at once', (_, pickle, message) => {
    const start = performance.now();
    const failure = failureOf(() => readPytorch(archiveOf(latin1(`\x80\x02${pickle}`))));
    expect(failure).toContain(message);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe('an invalid .pth', () => {
  test.each([
    ['holds a number', archiveOf(latin1('\x80\x02K\x01.')), 'contains no state_dict'],
    ['has no pickle', zipSync({ 'a/b': latin1('x') }), 'has no data.pkl'],
    ['is empty', zipSync({}), 'has no data.pkl'],
    ['stops early', archiveOf(latin1('\x80\x02}')), 'ends in the middle of an opcode at byte 3'],
    ['has a tensor without its values', withoutValues, 'lacks the values of fc1.weight'],
    [
      'is TorchScript',
      zipSync({ 'a/data.pkl': latin1('N.'), 'a/constants.pkl': latin1('N.') }),
      'TorchScript',
    ],
  ])('%s', async (_, file, message) => {
    const bytes = typeof file === 'function' ? await file() : file;
    expect(failureOf(() => fromPytorch(readPytorch(bytes).tensors, narrowCnn))).toContain(message);
  });

  async function withoutValues() {
    const { 'narrow/data/6': _, ...files } = unzipSync(await readFixture('narrow.pth'));
    return zipSync(files);
  }

  test('that unpacks beyond the limit', () => {
    const zeros = zipSync({ 'a/data.pkl': latin1('N.'), 'a/data/0': new Uint8Array(2 ** 20) });
    const announced = Buffer.from(zeros);
    // The size in the central directory's second entry.
    announced.writeUInt32LE(2 ** 30, announced.lastIndexOf('PK\x01\x02', undefined, 'latin1') + 24);
    expect(failureOf(() => readPytorch(announced))).toContain('unpacks to more than');
  });
});

describe('any file', () => {
  test.each([
    [
      'of an old format that ends early',
      latin1('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.'),
      'it ends in the middle of an opcode',
    ],
    ['that is a web page', latin1('\n<!DOCTYPE html>\n<html>'), 'is a web page, not weights'],
    [
      'that is a pointer',
      latin1('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 2752552\n'),
      'Git LFS pointer, not the weights that it names. Fetch them with `git lfs pull`',
    ],
    ['of pickle.dump', latin1('\x80\x04\x95\x05\0\0\0\0\0\0\0}.'), 'that torch.save did not write'],
    ['of Keras', latin1('\x89HDF\r\n\x1a\n'), 'is HDF5'],
    ['of gzip', latin1('\x1f\x8b\x08'), 'compressed with gzip. Unpack it first'],
    ['of text', latin1('hello, is this a model?'), 'not a complete safetensors file'],
    ['of nothing', new Uint8Array(), 'not a complete safetensors file'],
  ])('%s is reported with its path', async (_, bytes, message) => {
    const path = join(folder, 'weights');
    await writeFile(path, bytes);
    const failure = readWeightsFile(path);
    await expect(failure).rejects.toThrow(WeightsFileError);
    await expect(failure).rejects.toThrow(`${path}: `);
    await expect(failure).rejects.toThrow(message);
  });

  test('that is absent or a folder', async () => {
    await expect(readWeightsFile(join(folder, 'none.pth'))).rejects.toThrow(/none.pth.*ENOENT/);
    await expect(readWeightsFile(folder)).rejects.toThrow(/it is a folder/);
  });
});

describe('a corrupt file is read or refused, never anything else', () => {
  const readers = {
    'narrow.pth': (bytes: Uint8Array) => readPytorch(bytes).tensors,
    'narrow.safetensors': readSafetensors,
  };
  const files = Object.keys(readers) as (keyof typeof readers)[];

  test.each(files)('%s, truncated anywhere', async (name) => {
    const whole = await readFixture(name);
    const property = fc.property(fc.nat(whole.length - 1), (length) => {
      failureOf(() => fromPytorch(readers[name](whole.slice(0, length)), narrowCnn));
    });
    fc.assert(property, { numRuns: 300 });
  });

  test.each(files)('%s, with any bytes changed', async (name) => {
    const whole = await readFixture(name);
    // Header, pickle and directory lie at the ends, the values between.
    const ends = fc.oneof(
      fc.nat(1200),
      fc.nat(1200).map((n) => whole.length - 1 - n),
      fc.nat(whole.length - 1),
    );
    const changes = fc.array(fc.tuple(ends, fc.nat(255)), { minLength: 1, maxLength: 4 });
    const property = fc.property(changes, (all) => {
      const damaged = whole.slice();
      for (const [at, byte] of all) damaged[at] = byte;
      try {
        expect(fromPytorch(readers[name](damaged), narrowCnn)).toHaveLength(10);
      } catch (error) {
        if (!(error instanceof WeightsFileError)) throw error;
      }
    });
    fc.assert(property, { numRuns: 800 });
  });

  test('any pickle at all', () => {
    const opcodes = latin1('\x80\x95(.N\x88\x89KMJ\x8aGX\x8c])}\x85\x86\x87taesuqr\x94hjc\x93QRb');
    const pickles = fc.array(fc.oneof(fc.constantFrom(...opcodes), fc.nat(255)), { maxLength: 60 });
    const property = fc.property(pickles, (bytes) => {
      failureOf(() => readPytorch(archiveOf(Uint8Array.from(bytes))));
    });
    fc.assert(property, { numRuns: 800 });
  });
});
