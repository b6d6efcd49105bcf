import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import {
  base64,
  base64Of,
  bytesOf,
  type ClientBody,
  dataUrl,
  field,
  file,
  floats,
  form,
  lines,
  part,
  pixels,
  png,
  raw,
  rows,
  urlEncoded,
} from '../../support/edge/client-bodies.ts';
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
