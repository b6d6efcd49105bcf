import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket } from '../../support/edge/bucket.ts';
import {
  base64,
  base64Of,
  bytesOf,
  type ClientBody,
  field,
  file,
  floats,
  form,
  heic,
  part,
  pixels,
  png,
  rows,
  stripped,
  urlEncoded,
} from '../../support/edge/client-bodies.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
beforeAll(async () => {
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
});

async function send([type, body]: ClientBody, query = ''): Promise<[number, Answer]> {
  const response = await app.post(await bytesOf(body), type, query);
  return [response.status, await response.json()];
}

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
