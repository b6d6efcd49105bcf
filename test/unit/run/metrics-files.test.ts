import { describe, expect, it } from 'vitest';
import { crc32c, maskedCrc32c, tensorboardEvents } from '../../../trainer/run/metrics-files.ts';
import { runEpochSchema } from '../../../trainer/run/run-records.ts';

const line = runEpochSchema.parse({
  epoch: 300,
  accuracy: 0.9125,
  loss: 0.25,
  perClass: [],
  confusion: [],
  seconds: 10,
  imagesPerSecond: 2000,
  trainLoss: 0.5,
  weightsSha256: '0'.repeat(64),
});

/** The data of each record, whose checksums hold. */
function records(bytes: Uint8Array): Buffer[] {
  const found: Buffer[] = [];
  let rest = Buffer.from(bytes);
  while (rest.length > 0) {
    const length = Number(rest.readBigUInt64LE(0));
    expect(rest.readUInt32LE(8)).toBe(maskedCrc32c(rest.subarray(0, 8)));
    const data = rest.subarray(12, 12 + length);
    expect(rest.readUInt32LE(12 + length)).toBe(maskedCrc32c(data));
    found.push(data);
    rest = rest.subarray(16 + length);
  }
  return found;
}

describe('the events of an epoch', () => {
  it('have the checksum of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
  });

  it('are bytes that TensorBoard 2.21 reads as the epoch', () => {
    const [version, summary] = records(tensorboardEvents(line, 1_764_000_000.5));
    expect(version?.toString('hex')).toBe(
      `09000020402049da411a0d${Buffer.from('brain.Event:2').toString('hex')}`,
    );
    // Wall time, step 300, then the summary: what was not measured has no value.
    expect(summary?.subarray(0, 12).toString('hex')).toBe('09000020402049da4110ac02');
    const tags = ['accuracy/test', 'loss/train', 'loss/test', 'images_per_second'];
    const values = [0.9125, 0.5, 0.25, 2000];
    const text = summary?.toString('latin1') ?? '';
    tags.forEach((tag, index) => {
      const at = text.indexOf(tag) + tag.length;
      expect(summary?.[at], tag).toBe(0x15);
      expect(summary?.readFloatLE(at + 1)).toBeCloseTo(values[index] as number, 6);
    });
    expect(text).not.toContain('validation');
  });
});
