import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import { printable } from '../../node/text.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';
import type { RunEpoch } from './run-records.ts';

/** Writes the files with which other programs follow a training: metrics.csv and tensorboard/. */
export async function writeMetrics(folder: string, epochs: readonly RunEpoch[]): Promise<void> {
  await writeAtomically(join(folder, 'metrics.csv'), metricsCsv(epochs));
  await writeTensorboard(folder, epochs);
}

const metricsColumns: Record<string, (line: RunEpoch) => Cell> = {
  epoch: ({ epoch }) => epoch,
  train_loss: ({ trainLoss }) => trainLoss,
  validation_loss: ({ validation }) => validation?.loss,
  validation_accuracy: ({ validation }) => validation?.accuracy,
  test_loss: ({ loss }) => loss,
  test_accuracy: ({ accuracy }) => accuracy,
  seconds: ({ seconds }) => seconds,
  images_per_second: ({ imagesPerSecond }) => imagesPerSecond,
};

/** Returns metrics.csv: one row per epoch. Values that were not measured are empty. */
const metricsCsv = (epochs: readonly RunEpoch[]): string =>
  toCsv([
    Object.keys(metricsColumns),
    ...epochs.map((line) => Object.values(metricsColumns).map((cellOf) => cellOf(line))),
  ]);

/** Returns confusion.csv: one row per actual class, one column per predicted class. */
export const confusionCsv = ({ confusion }: Metrics, labels: readonly string[]): string =>
  toCsv([
    ['actual \\ predicted', ...labels],
    ...confusion.map((row, actual) => [labels[actual], ...row]),
  ]);

type Cell = string | number | undefined;

/**
 * Formats comma-separated values (RFC 4180): fields quoted if necessary, lines ending in CRLF. A spreadsheet would run text that
 * starts like a formula, so it gets an apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
 */
const toCsv = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(toField).join(',')}\r\n`).join('');

function toField(cell: Cell): string {
  const plain = printable(String(cell ?? ''));
  const isFormula = typeof cell === 'string' && /^[=+\-@\t\n]/.test(plain);
  const text = isFormula ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Writes the newest epoch into a run's `tensorboard/`, and earlier ones if they are missing. One file per epoch keeps every
 * file complete, lets a repeated epoch replace its own file, and lets a running TensorBoard pick up new epochs.
 */
async function writeTensorboard(folder: string, epochs: readonly RunEpoch[]): Promise<void> {
  const now = Date.now() / 1000;
  const newest = epochs.at(-1);
  for (const line of epochs) {
    const name = `events.out.tfevents.${String(line.epoch).padStart(5, '0')}`;
    const file = join(folder, 'tensorboard', name);
    if (line !== newest && existsSync(file)) continue;
    const wallTime = now - ((newest?.seconds ?? 0) - line.seconds);
    await writeAtomically(file, tensorboardEvents(line, wallTime));
  }
}

/**
 * Encodes the scalars of one epoch as a TensorBoard event file. TensorBoard reads all event files of a folder as one run, in
 * the order of their names.
 *
 * The record format is that of tensorflow/core/lib/io/record_writer.h. Each record is a message `Event` from
 * tensorflow/core/util/event.proto.
 *
 * @param wallTime seconds since 1970
 */
export function tensorboardEvents(line: RunEpoch, wallTime: number): Uint8Array {
  const scalars: Record<string, number | undefined> = {
    'accuracy/test': line.accuracy,
    'accuracy/validation': line.validation?.accuracy,
    'loss/train': line.trainLoss,
    'loss/test': line.loss,
    'loss/validation': line.validation?.loss,
    images_per_second: line.imagesPerSecond,
  };
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    value === undefined
      ? []
      : [bytesField(1, Buffer.concat([textField(1, tag), floatField(2, value)]))],
  );
  const time = doubleField(1, wallTime);
  return Buffer.concat([
    record(Buffer.concat([time, textField(3, 'brain.Event:2')])),
    record(Buffer.concat([time, varintField(2, line.epoch), bytesField(5, Buffer.concat(values))])),
  ]);
}

/** Encodes a record: length, checksum of the length, data, checksum of the data; numbers are little-endian. */
function record(data: Uint8Array): Uint8Array {
  const length = bytesOf(BigUint64Array.of(BigInt(data.length)));
  return Buffer.concat([length, checksum(length), data, checksum(data)]);
}

const checksum = (bytes: Uint8Array) => bytesOf(Uint32Array.of(maskedCrc32c(bytes)));
const bytesOf = ({ buffer }: { buffer: ArrayBuffer }) => new Uint8Array(buffer);

// The Protocol Buffers field types of an Event: https://protobuf.dev/programming-guides/encoding/

const field = (number: number, wireType: number, ...value: Uint8Array[]) =>
  Buffer.concat([varint((number << 3) | wireType), ...value]);
const varintField = (number: number, value: number) => field(number, 0, varint(value));
const doubleField = (number: number, value: number) =>
  field(number, 1, bytesOf(Float64Array.of(value)));
const floatField = (number: number, value: number) =>
  field(number, 5, bytesOf(Float32Array.of(value)));
const bytesField = (number: number, bytes: Uint8Array) =>
  field(number, 2, varint(bytes.length), bytes);
const textField = (number: number, text: string) => bytesField(number, Buffer.from(text));

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** The reflected polynomial of CRC-32C (Castagnoli): RFC 3720, appendix B.4. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
  }
  return remainder;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Returns the masked checksum that TensorFlow's records store: tensorflow/core/lib/hash/crc32c.h. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
