import type { Manifest } from '../../shared/registry/manifest.ts';
import type { Picture } from './pictures.ts';

export interface Snippet {
  title: string;
  /** What it needs besides the language; '' where nothing. */
  needs: string;
  code: string;
}

/** An image that is longer as a data URL is left in a file. */
const mostInline = 4000;
const file = 'image.png';

/**
 * Programs that have the Worker predict the image on screen; each can be pasted and run as it is.
 *
 * @param input the image as the network sees it, a PNG as data URL
 * @param pixels its grey bytes, 0 black to 255 white
 */
export function snippetsFor(
  origin: string,
  picture: Picture,
  input: string,
  pixels: Uint8Array,
  { name, model }: Manifest,
): Snippet[] {
  const [height, width, channels] = model.inputShape;
  const infer = { origin, name, shape: [1, height, width, channels], pixels };
  if (picture.kind === 'test') {
    const url = `${origin}/predict?index=${picture.index ?? 0}`;
    return [
      { title: 'curl', needs: '', code: `curl '${url}'` },
      {
        title: 'TypeScript',
        needs: '',
        code: `const response = await fetch('${url}');\n${tellInTypeScript}`,
      },
      {
        title: 'Python',
        needs: '',
        code: `import json\nfrom urllib.request import urlopen\n\nwith urlopen('${url}') as response:\n${tellInPython}`,
      },
      kserve(infer),
    ];
  }
  return [
    ...(input.length <= mostInline ? inline(origin, input) : fromFile(origin)),
    kserve(infer),
  ];
}

/** Whether the snippets read the image from a file that has to be saved first. */
export const needsFile = (picture: Picture, input: string): boolean =>
  picture.kind !== 'test' && input.length > mostInline;

function inline(origin: string, input: string): Snippet[] {
  return [
    {
      title: 'curl',
      needs: '',
      code: `curl ${origin}/predict -H 'content-type: application/json' \\\n  -d '{"image":"${input}"}'`,
    },
    {
      title: 'TypeScript',
      needs: '',
      code: `const image = '${input}';
const response = await fetch('${origin}/predict', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ image }),
});
${tellInTypeScript}`,
    },
    {
      title: 'Python',
      needs: '',
      code: `import json
from urllib.request import Request, urlopen

image = '${input}'
request = Request(
    '${origin}/predict',
    data=json.dumps({'image': image}).encode(),
    headers={'content-type': 'application/json'},
)
with urlopen(request) as response:
${tellInPython}`,
    },
  ];
}

function fromFile(origin: string): Snippet[] {
  return [
    { title: 'curl', needs: file, code: `curl ${origin}/predict --data-binary @${file}` },
    {
      title: 'TypeScript',
      needs: file,
      code: `import { readFile } from 'node:fs/promises';

const response = await fetch('${origin}/predict', {
  method: 'POST',
  headers: { 'content-type': 'image/png' },
  body: await readFile('${file}'),
});
${tellInTypeScript}`,
    },
    {
      title: 'Python',
      needs: file,
      code: `import json
from pathlib import Path
from urllib.request import Request, urlopen

request = Request(
    '${origin}/predict',
    data=Path('${file}').read_bytes(),
    headers={'content-type': 'image/png'},
)
with urlopen(request) as response:
${tellInPython}`,
    },
  ];
}

const tellInTypeScript = `const { predicted } = await response.json();
console.log(predicted.label, predicted.probability);
`;

const tellInPython = `    predicted = json.load(response)['predicted']
print(predicted['label'], predicted['probability'])
`;

interface Inference {
  origin: string;
  name: string;
  shape: number[];
  pixels: Uint8Array;
}

/** KServe's own client, over the Open Inference Protocol v2. */
function kserve({ origin, name, shape, pixels }: Inference): Snippet {
  const text = btoa(Array.from(pixels, (byte) => String.fromCharCode(byte)).join(''));
  return {
    title: 'KServe',
    needs: 'pip install kserve numpy',
    code: `import asyncio, base64
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

pixels = np.frombuffer(base64.b64decode('${text}'), np.uint8)
image = InferInput('images', [${shape.join(', ')}], 'UINT8', pixels.tolist())
request = InferRequest('${name}', [image])
client = InferenceRESTClient(RESTConfig(protocol='v2'))
answer = asyncio.run(client.infer('${origin}', request))
print(answer.to_rest())
`,
  };
}
