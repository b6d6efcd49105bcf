import { encode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
/** The answer to the raw pixels of test image 0. */
let expected: Answer;
beforeAll(async () => {
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
  expected = await app.json('/predict', { method: 'POST', body: testImage(0) });
  expect(expected.predicted).toBeDefined();
});

type Part = string | Uint8Array;
type ClientBody = [type: string | undefined, body: Part | Part[]];

const encoder = new TextEncoder();
const bytesOf = (parts: Part | Part[]) =>
  new Blob(
    [parts].flat().map((part) => (typeof part === 'string' ? encoder.encode(part) : part.slice())),
  ).bytes() as Promise<Uint8Array<ArrayBuffer>>;
const base64Of = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

const raw = testImage(0);
const png = encode({ width: 28, height: 28, data: raw, channels: 1, depth: 8 });
const base64 = base64Of(png);
const dataUrl = `data:image/png;base64,${base64}`;
const lines = base64.replaceAll(/.{76}/g, '$&\r\n');
const pixels = Array.from(raw);
const rows = Array.from({ length: 28 }, (_, y) => pixels.slice(28 * y, 28 * (y + 1)));
const floats = pixels.map((pixel) => pixel / 255);
const urlEncoded = 'application/x-www-form-urlencoded';
const heic = encoder.encode(`\0\0\0\x18ftypheic\0\0\0\0mif1heic${'\0'.repeat(1500)}`);
/** The body that `curl -d @file` sends. */
const stripped = (bytes: Uint8Array) => bytes.filter((byte) => ![0x00, 0x0a, 0x0d].includes(byte));

const form = 'multipart/form-data; boundary=b';
/** A form of one part. */
const part = (head: string, content: Part = png): ClientBody => [
  form,
  [`--b\r\n${head}\r\n\r\n`, content, '\r\n--b--\r\n'],
];
const field = (name: string, content: Part) =>
  part(`Content-Disposition: form-data; name="${name}"`, content);
const file = 'Content-Disposition: form-data; name="image"; filename="boot.png"';

async function send([type, body]: ClientBody, query = ''): Promise<[number, Answer]> {
  const response = await app.post(await bytesOf(body), type, query);
  return [response.status, await response.json()];
}

const predicted: Record<string, ClientBody> = {
  'curl -F, browsers': part(`${file}\r\nContent-Type: image/png`),
  '.NET HttpClient': [
    'multipart/form-data; boundary="4b39ed14-752b-480a-9846-fc0019132d15"',
    [
      "--4b39ed14-752b-480a-9846-fc0019132d15\r\nContent-Disposition: form-data; name=image; filename=boot.jpg; filename*=utf-8''boot.jpg\r\n\r\n",
      png,
      '\r\n--4b39ed14-752b-480a-9846-fc0019132d15--\r\n',
    ],
  ],
  'PowerShell -Form': part(
    'Content-Disposition: form-data; name=image; filename=boot.png\r\nContent-Type: application/octet-stream',
  ),
  'requests: bytes without a type': part(
    'Content-Disposition: form-data; name="image"; filename="image"',
  ),
  'requests: raw pixels': part(
    'Content-Disposition: form-data; name="image"; filename="image"',
    raw,
  ),
  'requests: filename=""': part('Content-Disposition: form-data; name="image"; filename=""'),
  'urllib3: filename* only': part(
    'Content-Disposition: form-data; name="image"; filename*=utf-8\'\'st%C3%B6vel.png',
  ),
  'axios and form-data: a Buffer without filename': part(
    'Content-Disposition: form-data; name="image"\r\nContent-Type: application/octet-stream',
  ),
  'Go CreateFormField': part('Content-Disposition: form-data; name="image"'),
  'Go CreateFormField: raw pixels': part('Content-Disposition: form-data; name="image"', raw),
  OkHttp: part(`${file}\r\nContent-Type: image/png\r\nContent-Length: ${png.length}`),
  'Apache HttpClient': part(
    `${file}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary`,
  ),
  'Java mail: base64': part(
    `${file}\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64`,
    `${lines}\r\n`,
  ),
  'PHP: a path as filename': part(
    'Content-Disposition: form-data; name="images[]"; filename="C:\\tmp\\my "boot".png"\r\nContent-Type: image/png',
  ),
  'Flutter: lower case, another order': [
    "multipart/form-data; boundary=dart-http-boundary-A_+'(),-./:=?",
    [
      '--dart-http-boundary-A_+\'(),-./:=?\r\ncontent-type: application/octet-stream\r\ncontent-disposition: form-data; name="image"; filename="boot.png"\r\n\r\n',
      png,
      "\r\n--dart-http-boundary-A_+'(),-./:=?--\r\n",
    ],
  ],
  'a folded header': part(
    'Content-Disposition: form-data;\r\n\tname="image";\r\n filename="a.png"',
  ),
  'line feeds only': [form, [`--b\n${file}\n\n`, png, '\n--b--\n']],
  'a preamble, an epilogue, blanks after the boundary': [
    form,
    ['\r\nThis is a form.\r\n--b \t\r\n', `${file}\r\n\r\n`, png, '\r\n--b-- \r\nThe end.'],
  ],
  'a Content-Type without the boundary': [
    'multipart/form-data',
    [`------WebKitFormBoundaryX\r\n${file}\r\n\r\n`, png, '\r\n------WebKitFormBoundaryX--\r\n'],
  ],
  'a wrong boundary in Content-Type': ['multipart/form-data; boundary=--b', part(file)[1]],
  'a form without Content-Type': [undefined, part(file)[1]],
  'a form as JSON': ['application/json', part(file)[1]],
  'multipart/related': [
    'multipart/related; boundary=b; type="image/png"',
    part('Content-Type: image/png\r\nContent-ID: <1>')[1],
  ],
  'a PNG as a form': ['multipart/form-data', png],
  'JSON as a form': ['multipart/form-data; boundary=b', JSON.stringify(rows)],
  'Content-Type with other parameters': [
    'Multipart/Form-Data; charset=utf-8; Boundary="b"',
    part(file)[1],
  ],
  'a part whose first bytes are the boundary of another': part(
    file,
    await bytesOf([png, '\r\n--bb\r\n--b-\r\n']),
  ),
  'fields of text beside the file': [
    form,
    [
      '--b\r\nContent-Disposition: form-data; name="description"\r\n\r\nMy boot = new & [best]\r\n',
      '--b\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{"id": 3}\r\n',
      `--b\r\n${file}\r\n\r\n`,
      png,
      '\r\n--b\r\nContent-Disposition: form-data; name="other"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n',
    ],
  ],
  'a field of base64': field('image', base64),
  'a field of base64 in lines': field('photo', lines),
  'a field of raw pixels in base64': field('pixels', base64Of(raw)),
  'a field with a data URL': field('anything', dataUrl),
  'a field of JSON pixels': field('pixels', JSON.stringify(pixels)),
  'a field of a JSON object': field('image', JSON.stringify({ image: dataUrl })),
  'a file of JSON': part(
    'Content-Disposition: form-data; name="f"; filename="a.json"',
    JSON.stringify(rows),
  ),
  'a file of base64': part('Content-Disposition: form-data; name="f"; filename="a.b64"', lines),

  'an urlencoded field of base64': [urlEncoded, `image=${encodeURIComponent(base64)}&x=1`],
  'an urlencoded field of base64 without escapes': [urlEncoded, `x=1&image=${base64}`],
  'an urlencoded data URL': [urlEncoded, new URLSearchParams({ photo: dataUrl }).toString()],
  'urlencoded pixels': [
    urlEncoded,
    new URLSearchParams({ pixels: JSON.stringify(rows) }).toString(),
  ],
  'urlencoded JSON with spaces': [
    urlEncoded,
    new URLSearchParams({ a: 'ü %', pixels: JSON.stringify(rows, null, 1) }).toString(),
  ],
  'an urlencoded field with broken escapes beside it': [urlEncoded, `a=%&b=%zz&c&image=${base64}`],
  'curl -d with JSON': [urlEncoded, JSON.stringify({ pixels })],
  'curl -d with base64': [urlEncoded, base64],
  'curl -d with a data URL': [urlEncoded, dataUrl],
  'curl --data-binary with its default type': [urlEncoded, png],

  'base64 as the body': ['text/plain', base64],
  'base64 in lines, without a type': [undefined, `\n${lines}\n`],
  'base64 as octet-stream': ['application/octet-stream', base64],
  'a data URL as the body': ['text/plain;charset=UTF-8', dataUrl],
  'a data URL with a charset': ['text/plain', `data:image/png;charset=utf-8;base64,${base64}`],

  'JSON as text/plain': ['text/plain;charset=UTF-8', JSON.stringify(rows)],
  'JSON as text/json': ['text/json; charset=utf-8', JSON.stringify(rows)],
  'JSON as application/x-json': ['application/x-json', JSON.stringify(rows)],
  'JSON as octet-stream': ['application/octet-stream', JSON.stringify(rows)],
  'JSON as text/html': ['text/html', JSON.stringify(rows)],
  'JSON with a byte order mark': ['application/json', `\ufeff${JSON.stringify(rows)}`],
  'JSON with a byte order mark, without a type': [
    undefined,
    `\ufeff ${JSON.stringify({ pixels })}`,
  ],
  'a batch of one': ['application/json', JSON.stringify([rows])],
  'a batch of one, flat': ['application/json', JSON.stringify({ pixels: [pixels] })],
  NCHW: ['application/json', JSON.stringify([[rows]])],
  NHWC: ['application/json', JSON.stringify([rows.map((row) => row.map((pixel) => [pixel]))])],
  'null members': [
    'application/json',
    JSON.stringify({ images: null, pixels: null, image: base64 }),
  ],
  'a stringified Buffer': ['application/json', JSON.stringify({ type: 'Buffer', data: [...png] })],
  'a stringified Buffer of pixels': [
    'application/json',
    JSON.stringify({ pixels: { type: 'Buffer', data: pixels } }),
  ],
  'a stringified Uint8Array': ['application/json', JSON.stringify({ image: Uint8Array.from(png) })],
  'a stringified Float32Array': ['application/json', JSON.stringify(Float32Array.from(pixels))],
  'a list of bytes': ['application/json', JSON.stringify({ image: [...png] })],
  'a list of signed bytes': ['application/json', JSON.stringify([...new Int8Array(png)])],
  'data URL in capitals': ['application/json', JSON.stringify(`DATA:image/png;BASE64,${base64}`)],
};

describe('a body as a client sends it is answered like its pixels', () => {
  it.each(Object.entries(predicted))('%s', async (_, body) => {
    expect(await send(body)).toEqual([200, expected]);
  });

  it.each([
    ['a largest value of 1.0000001', (value: number) => (value === 1 ? 1.0000001 : value)],
    ['a smallest value of -1e-9', (value: number) => (value === 0 ? -1e-9 : value)],
    ['32 bits', Math.fround],
  ])('floats with %s', async (_, change) => {
    const [status, answer] = await send([
      'application/json',
      JSON.stringify(floats.map((value) => change(value / Math.max(...floats)))),
    ]);
    expect([status, answer.predicted.id]).toEqual([200, expected.predicted.id]);
    const exact = await send([
      'application/json',
      JSON.stringify(floats.map((value) => value / Math.max(...floats))),
    ]);
    for (const [id, { probability }] of answer.probabilities.entries()) {
      expect(probability).toBeCloseTo(exact[1].probabilities[id].probability, 5);
    }
  });

  it.each([
    ['its rows', rows],
    ['its rows, with channels', rows.map((row) => row.map((pixel) => [pixel]))],
    ['its pixels', pixels],
  ])('one image whose list has only %s', async (_, images) => {
    const { model, ...prediction } = expected;
    expect(await send(['application/json', JSON.stringify({ images })])).toEqual([
      200,
      { predictions: [prediction], model },
    ]);
  });

  it('several images, of any kind, in one form', async () => {
    const [status, { predictions }] = await send([
      form,
      [
        `--b\r\n${file}\r\n\r\n`,
        png,
        `\r\n--b\r\nContent-Disposition: form-data; name=image\r\n\r\n${dataUrl}`,
        `\r\n--b\r\nContent-Disposition: form-data; name=images\r\n\r\n${JSON.stringify({ images: [rows, base64] })}`,
        '\r\n--b--',
      ],
    ]);
    const { model, ...prediction } = expected;
    expect([status, predictions]).toEqual([200, Array(4).fill(prediction)]);
  });
});

type Refusal = [status: number, code: string, detail: string];
const refused: Record<string, [body: ClientBody, refusal: Refusal]> = {
  'curl -d @boot.png': [
    [urlEncoded, stripped(png)],
    [422, 'bad_image', '--data-binary'],
  ],
  'curl -d @photo.heic': [
    [urlEncoded, stripped(heic)],
    [422, 'bad_image', '--data-binary'],
  ],
  'curl -F image=boot.png': [
    field('image', 'boot.png'),
    [400, 'bad_multipart', '-F image=@boot.png'],
  ],
  'FormData.append with an object': [
    field('image', '[object Object]'),
    [400, 'bad_multipart', '"[object Object]", not a file'],
  ],
  'FormData.append with null': [
    field('file', 'null'),
    [400, 'bad_multipart', '"null", not a file'],
  ],
  'an empty file': [part(file, ''), [422, 'bad_image', 'empty']],
  'an address': [
    ['application/json', JSON.stringify({ image: 'https://example.com/boot.png' })],
    [422, 'bad_image', 'reads no addresses'],
  ],
  'Python’s bytes in a string': [
    ['application/json', JSON.stringify({ image: `b'${base64}'` })],
    [422, 'bad_image', '.decode('],
  ],
  'numbers as text': [
    ['text/csv', pixels.join()],
    [415, 'unsupported_image', 'may be JSON, a data URL, or base64'],
  ],
  SVG: [
    ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    [415, 'unsupported_image', 'This is SVG'],
  ],
  'a field that is a parameter': [field('invert', 'true'), [400, 'bad_parameter', '?invert=']],
  'an urlencoded parameter': [
    [urlEncoded, 'echo=true'],
    [400, 'bad_parameter', '?echo='],
  ],
  'a form of texts': [field('title', 'boot'), [400, 'bad_multipart', '"title"']],
  'an urlencoded form of texts': [
    [urlEncoded, 'a=1&b=2'],
    [400, 'bad_multipart', '"a", "b"'],
  ],
  'an urlencoded form of 200 fields': [
    [urlEncoded, 'a=1&'.repeat(200)],
    [400, 'bad_multipart', '128'],
  ],
  'a form of 200 parts': [
    [form, [`--b\r\n${file}\r\n\r\nx\r\n`.repeat(200), '--b--']],
    [400, 'bad_multipart', '128'],
  ],
  'a form that is cut off': [
    [form, [`--b\r\n${file}\r\n\r\n`, png]],
    [400, 'bad_multipart', 'cut off'],
  ],
  'another boundary': [
    ['multipart/form-data; boundary=c', `A preamble.\r\n--b\r\n${file}\r\n\r\nx\r\n--b--`],
    [400, 'bad_multipart', '"--c"'],
  ],
  'an empty form': [
    [form, '--b--\r\n'],
    [400, 'bad_multipart', 'no image'],
  ],
  'no file chosen': [
    part(
      'Content-Disposition: form-data; name="image"; filename=""\r\nContent-Type: application/octet-stream',
      '',
    ),
    [400, 'bad_multipart', 'no image'],
  ],
  'a part without an empty line': [
    [form, '--b\r\nno header\r\n--b--\r\n'],
    [400, 'bad_multipart', 'empty line'],
  ],
  'quoted-printable': [
    part(`${file}\r\nContent-Transfer-Encoding: quoted-printable`, 'a=20b'),
    [400, 'bad_multipart', 'quoted-printable'],
  ],
  'a part of bad base64': [
    part(`${file}\r\nContent-Transfer-Encoding: base64`, 'a?'),
    [422, 'bad_image', 'base64'],
  ],
  'JSON in JSON': [
    ['application/json', JSON.stringify(JSON.stringify({ pixels }))],
    [422, 'bad_image', 'twice'],
  ],
  'JSON in UTF-16': [
    [
      'application/json',
      new Uint8Array(Uint16Array.from('\ufeff[]', (c) => c.charCodeAt(0)).buffer),
    ],
    [400, 'bad_json', 'UTF-8'],
  ],
  'several images without a name': [
    ['application/json', JSON.stringify([rows, rows])],
    [422, 'bad_pixels', 'separate elements of "images"'],
  ],
  'normalized floats': [
    ['application/json', JSON.stringify(floats.map((value) => 2 * value - 1))],
    [422, 'bad_pixels', 'normalizes'],
  ],
  'floats up to 1.5': [
    ['application/json', JSON.stringify(floats.map((value) => 1.5 * value))],
    [422, 'bad_pixels', '0 to 1'],
  ],
  'a Buffer of other values': [
    ['application/json', JSON.stringify({ type: 'Buffer', data: [1, 256] })],
    [422, 'bad_pixels', 'Byte 1'],
  ],
};

describe('a body that can be no image is refused with what to do', () => {
  it.each(Object.entries(refused))('%s', async (_, [body, [status, code, detail]]) => {
    expect(await send(body)).toEqual([
      status,
      expect.objectContaining({ code, detail: expect.stringContaining(detail) }),
    ]);
  });
});

describe('an unsupported format is named', () => {
  const ways: Record<string, ClientBody> = {
    'as octet-stream': ['application/octet-stream', heic],
    'without a type': [undefined, heic],
    'as JPEG': ['image/jpeg', heic],
    'as a form’s file': part(file, heic),
    'as a form’s part': field('x', heic),
    'in base64': ['application/json', JSON.stringify({ image: base64Of(heic) })],
    'as a body of base64': ['text/plain', base64Of(heic)],
    'as a field of base64': field('photo', base64Of(heic)),
    'as a list of bytes': ['application/json', JSON.stringify([...heic])],
    'as a Buffer': ['application/json', JSON.stringify({ type: 'Buffer', data: [...heic] })],
  };
  it.each(Object.entries(ways))('%s', async (_, body) => {
    expect(await send(body)).toEqual([
      415,
      expect.objectContaining({
        code: 'unsupported_image',
        detail: expect.stringContaining('This is HEIC. Convert it to JPEG or PNG'),
      }),
    ]);
  });
});
