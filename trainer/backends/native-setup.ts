import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';

/**
 * Where `npm run setup:native` puts TensorFlow: in the repository, so that its packages find the one TensorFlow.js that
 * everything else here uses, but outside node_modules, which `npm ci` empties.
 */
export const nativeFolder = fileURLToPath(new URL('../../build/native/', import.meta.url));

/** Written by the set-up when everything else is in place. */
export const nativeSetupFile = `${nativeFolder}setup.json`;

/** The binding as it is compiled here, within `nativeFolder`. Unlike the package's own it can be used by threads at the same time. */
export const compiledBinding = 'tfjs_binding.node';

export const nativeSetupSchema = z.object({
  /** What TensorFlow was built for. A gpu one computes on CPUs too. */
  variant: z.enum(['cpu', 'gpu']),
  /** Of everything that went into it; another one calls for a new set-up. */
  ingredients: z.string(),
  /** The path of the compiled binding within `nativeFolder`; it knows where its TensorFlow lies. */
  binding: z.string().min(1).default(compiledBinding),
});

export type NativeSetup = z.output<typeof nativeSetupSchema>;

/** TensorFlow is not on this machine, which is no fault: nobody asked for it. */
export class NotSetUpError extends Error {
  override name = 'NotSetUpError';

  constructor() {
    super('tensorflow is not set up (npm run setup:native)');
  }
}

/** An error that comes from another thread has lost its class, but not its name. */
export const isNotSetUp = (error: unknown): boolean =>
  error instanceof Error && error.name === 'NotSetUpError';

/** @returns what is set up, or null */
export async function readNativeSetup(): Promise<NativeSetup | null> {
  try {
    return nativeSetupSchema.parse(JSON.parse(await readFile(nativeSetupFile, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${nativeSetupFile} can't be read; set up again: npm run setup:native`, {
      cause: error,
    });
  }
}
