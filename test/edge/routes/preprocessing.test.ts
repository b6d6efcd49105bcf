import { decode, encode } from 'fast-png';
import { encode as encodeJpeg } from 'jpeg-js';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';
import { withOrientation } from '../../support/exif.ts';

const bucket = openBucket();
let app: TestApp;

const preprocessings = {
  older: {},
  invert: { fit: 'contain', background: { kind: 'invert' } },
  keep: { fit: 'contain', background: { kind: 'keep' } },
  cover: { fit: 'cover', background: { kind: 'keep' } },
  stretch: { fit: 'stretch', background: { kind: 'keep' } },
  isolate: { fit: 'contain', background: { kind: 'isolate' } },
} as const;
type Name = keyof typeof preprocessings;

const versions = {} as Record<Name, string>;
beforeAll(async () => {
  for (const [second, [name, choice]] of Object.entries(preprocessings).entries()) {
    versions[name as Name] = await bucket.publish('one', {
      createdAt: new Date(Date.UTC(2026, 10, 24, 10, 15, second)),
      manifest: ({ model, ...manifest }) => ({
        ...manifest,
        model: { ...model, preprocessing: { mean: 0.5, std: 0.5, ...choice } },
      }),
    });
  }
  await bucket.moveAlias(versions.older);
  app = openApp(bucket);
});

/** Sends a picture to the version with this preprocessing. */
async function see(name: Name, body: BodyInit, query = '') {
  const response = await app.post(
    body,
    'application/octet-stream',
    `?echo=true&version=${versions[name]}${query}`,
  );
  const answer: Answer = await response.json();
  expect({ status: response.status, answer }).toMatchObject({ status: 200 });
  const base64 = answer.input.split(',')[1];
  const { data } = decode(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
  return { crop: answer.crop, at: (x: number, y: number) => data[28 * y + x] };
}

const box = { x: 300, y: 400, width: 450, height: 150 };

/** A photo of 1200x900 pixels: a dark red thing in the box, on a bright wall with a little noise. */
function photo(): Uint8Array<ArrayBuffer> {
  const [width, height] = [1200, 900];
  const data = new Uint8Array(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) - box.x, Math.floor(i / width) - box.y];
    const isThing = x >= 0 && x < box.width && y >= 0 && y < box.height;
    const noise = (i * 7919) % 13;
    data.set(isThing ? [120 + noise, 20, 30, 255] : [215, 205 + noise, 190, 255], 4 * i);
  }
  return new Uint8Array(encodeJpeg({ width, height, data }, 90).data);
}

/** The object is searched at 96 pixels a side: a pixel of those is 12.5 of the photo's, and two of them may be its rim. */
function expectNear(crop: typeof box, expected: typeof box): void {
  const edges = ({ x, y, width, height }: typeof box) => [x, y, x + width, y + height];
  const distances = edges(crop).map((edge, i) => Math.abs(edge - (edges(expected)[i] as number)));
  expect(Math.max(...distances), JSON.stringify(crop)).toBeLessThan(30);
}

describe('a photo, for a version that isolates', () => {
  it('answers with the part that the network saw, in pixels of the photo', async () => {
    const { crop, at } = await see('isolate', photo());
    expectNear(crop, box);
    // Three times as wide as high, light on black.
    expect([at(14, 2), at(14, 25)]).toEqual([0, 0]);
    expect(at(14, 14)).toBeGreaterThan(180);
  });

  it('answers in pixels of the upright photo', async () => {
    // Orientation 6: the file's left side is the top.
    const { crop } = await see('isolate', withOrientation(photo(), 6));
    expectNear(crop, { x: 900 - 400 - 150, y: 300, width: 150, height: 450 });
  });

  it('isolates for a version of Fashion-MNIST whose manifest says nothing of it', async () => {
    expectNear((await see('older', photo())).crop, box);
  });

  it('shows all of it if ?invert= is true or false', async () => {
    const { crop } = await see('isolate', photo(), '&invert=true');
    expect(crop).toEqual({ x: 0, y: 0, width: 1200, height: 900 });
  });
});

describe('a picture of other proportions, for a version that', () => {
  // White, with a dark left third.
  const data = Uint8Array.from({ length: 84 * 28 }, (_, i) => (i % 84 < 28 ? 10 : 240));
  const wide = encode({ width: 84, height: 28, data, channels: 1, depth: 8 });

  it.each<[Name, object, number[]]>([
    ['invert', { x: 0, y: 0, width: 84, height: 28 }, [15, 245, 15]],
    ['keep', { x: 0, y: 0, width: 84, height: 28 }, [240, 10, 240]],
    ['cover', { x: 28, y: 0, width: 28, height: 28 }, [240, 240, 240]],
    ['stretch', { x: 0, y: 0, width: 84, height: 28 }, [10, 10, 240]],
  ])('has %s', async (name, crop, [corner, left, right]) => {
    const seen = await see(name, wide);
    expect(seen.crop).toEqual(crop);
    expect([seen.at(1, 1), seen.at(1, 14), seen.at(26, 14)]).toEqual([corner, left, right]);
  });

  it('has keep, unless the request says otherwise', async () => {
    const seen = await see('keep', wide, '&invert=true');
    expect([seen.at(1, 1), seen.at(1, 14)]).toEqual([15, 245]);
  });
});

it('pixels have no crop', async () => {
  expect((await see('keep', new Uint8Array(784))).crop).toBeUndefined();
});
