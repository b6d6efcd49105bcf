import { createHash, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { isStatementSignedBy, signStatement } from '../registry/signature.ts';
import { type TrainingState, vectorNames } from '../train/training-state.ts';
import { type RunConfig, type RunEpoch, runConfigSchema, runEpochSchema } from './run-records.ts';

/** The resumable state of a run: its training between two steps, and its records so far. */
export interface Checkpoint {
  /** The name of the run's folder. */
  run: string;
  config: RunConfig;
  /** The epochs so far. */
  epochs: readonly RunEpoch[];
  state: TrainingState;
}

/** An interrupted run and its newest checkpoint. */
export interface ResumedRun {
  path: string;
  config: RunConfig;
  /** Whether it has more epochs now than config.json says. */
  isLonger?: boolean;
  /** null if the run was interrupted before its first checkpoint. */
  checkpoint: Checkpoint | null;
}

/** A checkpoint cannot be read, written or resumed. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}

const headerSchema = z.object({
  format: z.literal('catwalk-checkpoint-1'),
  run: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  config: runConfigSchema,
  epochs: z.array(runEpochSchema),
  position: z.object({
    epoch: z.int().positive(),
    step: z.int().nonnegative(),
    seconds: z.number().nonnegative(),
    epochSeconds: z.number().nonnegative(),
    best: z.object({ epoch: z.int().nonnegative(), accuracy: z.number() }),
  }),
  /** The length of each vector, in file order. */
  vectors: z.partialRecord(z.enum(vectorNames), z.int().nonnegative()),
});

const hashBytes = 32;
const signatureBytes = 64;

const sha256 = (...parts: Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/**
 * Encodes a checkpoint as one file, in this order:
 *
 * 1. the SHA-256 of the rest of the file
 * 2. the length of the JSON header (uint32, little endian)
 * 3. the header, padded with spaces to a multiple of 4 bytes
 * 4. the vectors (float32, little endian)
 * 5. if there is a signing key, the Ed25519 signature of the SHA-256 of 2 to 4. Older versions of Catwalk ignore it.
 */
export function encodeCheckpoint(
  { run, config, epochs, state }: Checkpoint,
  signingKey?: KeyObject,
): Uint8Array {
  const vectors = vectorNames.flatMap((name) => {
    const vector = state.vectors[name];
    return vector ? [{ name, vector }] : [];
  });
  const header: z.input<typeof headerSchema> = {
    format: 'catwalk-checkpoint-1',
    run,
    config,
    epochs: [...epochs],
    position: state.position,
    vectors: Object.fromEntries(vectors.map(({ name, vector }) => [name, vector.length])),
  };
  const text = Buffer.from(JSON.stringify(header));
  const padding = Buffer.alloc(-text.length & 3, ' ');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length + padding.length);
  const content = [
    length,
    text,
    padding,
    ...vectors.map(({ vector }) =>
      Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength),
    ),
  ];
  if (signingKey) {
    const hash = sha256(...content).toString('hex');
    content.push(Buffer.from(signStatement('checkpoint', hash, signingKey)));
  }
  return Buffer.concat([sha256(...content), ...content]);
}

/** Whether a checkpoint that `decodeCheckpoint` accepts was signed with this key. */
export function isCheckpointSignedBy(bytes: Uint8Array, key: KeyObject): boolean {
  const content = sha256(bytes.subarray(hashBytes, -signatureBytes)).toString('hex');
  return isStatementSignedBy('checkpoint', content, bytes.subarray(-signatureBytes), key);
}

/** @throws {CheckpointError} if the file is truncated or corrupt, or from another version of Catwalk */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).subarray(hashBytes);
  const hash = sha256(content);
  if (content.length < 4 || !hash.equals(bytes.subarray(0, hashBytes))) {
    throw new CheckpointError('the file is truncated or corrupt, its SHA-256 does not match');
  }
  let at = 4 + content.readUInt32LE(0);
  const parsed = headerSchema.safeParse(JSON.parse(content.toString('utf8', 4, at)));
  if (!parsed.success) {
    throw new CheckpointError(
      `another version of Catwalk wrote the file. ${z.prettifyError(parsed.error)}`,
    );
  }
  const { run, config, epochs, position, vectors: lengths } = parsed.data;
  const vectors = Object.entries(lengths).map(([name, length]) => {
    // A copy, because a Float32Array must start at a multiple of 4 bytes.
    const values = new Uint8Array(content.subarray(at, at + 4 * length)).buffer;
    at += 4 * length;
    return [name, new Float32Array(values)] as const;
  });
  return { run, config, epochs, state: { position, vectors: Object.fromEntries(vectors) } };
}
