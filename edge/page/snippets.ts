import type { Manifest } from '../../shared/registry/manifest.ts';
import { element, make } from './element.ts';
import type { Picture } from './pictures.ts';
import { withModel } from './requests.ts';

interface Snippet {
  title: string;
  /** Requirements besides the language, or ''. */
  needs: string;
  code: string;
}

/** Longer data URLs are not part of the code: the visitor saves the image as a file. */
const maxInlineLength = 4000;
const file = 'image.png';

/** Whether the snippets read the image from a file. */
export const needsFile = (picture: Picture, input: string): boolean =>
  picture.kind !== 'test' && input.length > maxInlineLength;

/**
 * Complete programs that have the Worker predict the image on screen.
 *
 * @param input the image as the network sees it, a PNG as data URL
 * @param pixels its values, 0 to 255
 */
export function snippetsFor(
  origin: string,
  picture: Picture,
  input: string,
  pixels: ArrayLike<number>,
  { name, model }: Manifest,
): Snippet[] {
  const { needs, curl, typeScript, python } =
    picture.kind === 'test'
      ? requestIndex(withModel(`${origin}/predict?index=${picture.index ?? 0}`))
      : needsFile(picture, input)
        ? sendFile(withModel(`${origin}/predict`))
        : sendInline(withModel(`${origin}/predict`), input);
  return [
    { title: 'curl', needs, code: curl },
    { title: 'TypeScript', needs, code: typeScript + printInTypeScript },
    { title: 'Python', needs, code: python + printInPython },
    kserve(
      origin,
      name,
      [1, ...model.inputShape],
      readPixels(origin, picture, input, pixels, model.inputShape[2]),
    ),
  ];
}

const printInTypeScript = `
const { predicted } = await response.json();
console.log(predicted.label, predicted.probability);
`;

const printInPython = `
    predicted = json.load(response)['predicted']
print(predicted['label'], predicted['probability'])
`;

const requestIndex = (url: string) => ({
  needs: '',
  curl: `curl '${url}'`,
  typeScript: `const response = await fetch('${url}');`,
  python: `import json
from urllib.request import urlopen

with urlopen('${url}') as response:`,
});

const sendInline = (url: string, input: string) => ({
  needs: '',
  curl: `curl '${url}' -H 'content-type: application/json' \\\n  -d '{"image":"${input}"}'`,
  typeScript: `const image = '${input}';
const response = await fetch('${url}', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ image }),
});`,
  python: `import json
from urllib.request import Request, urlopen

image = '${input}'
request = Request(
    '${url}',
    data=json.dumps({'image': image}).encode(),
    headers={'content-type': 'application/json'},
)
with urlopen(request) as response:`,
});

const sendFile = (url: string) => ({
  needs: file,
  curl: `curl '${url}' --data-binary @${file}`,
  typeScript: `import { readFile } from 'node:fs/promises';

const response = await fetch('${url}', {
  method: 'POST',
  headers: { 'content-type': 'image/png' },
  body: await readFile('${file}'),
});`,
  python: `import json
from pathlib import Path
from urllib.request import Request, urlopen

request = Request(
    '${url}',
    data=Path('${file}').read_bytes(),
    headers={'content-type': 'image/png'},
)
with urlopen(request) as response:`,
});

/** KServe's own client, over the Open Inference Protocol v2. */
function kserve(
  origin: string,
  name: string,
  shape: number[],
  { needs, imports, pixels }: ReadPixels,
): Snippet {
  return {
    title: 'KServe',
    needs,
    code: `import asyncio
${imports}
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

pixels = ${pixels}
image = InferInput('images', [${shape.join(', ')}], 'UINT8', pixels.tolist())
request = InferRequest('${name}', [image])
client = InferenceRESTClient(RESTConfig(protocol='v2'))
answer = asyncio.run(client.infer('${origin}', request))
print(answer.to_rest())
`,
  };
}

interface ReadPixels {
  needs: string;
  imports: string;
  /** A Python expression: a flat array of bytes. */
  pixels: string;
}

/** Python that reads the pixels. Those of a photo are too long for the code, which reads the image instead. */
function readPixels(
  origin: string,
  picture: Picture,
  input: string,
  pixels: ArrayLike<number>,
  channels: number,
): ReadPixels {
  if (pixels.length <= maxInlineLength) {
    const text = btoa(Array.from(pixels, (byte) => String.fromCharCode(byte)).join(''));
    return {
      needs: 'pip install kserve numpy',
      imports: 'import base64\nimport numpy as np',
      pixels: `np.frombuffer(base64.b64decode('${text}'), np.uint8)`,
    };
  }
  const isInFile = needsFile(picture, input);
  const [source, imports] = isInFile
    ? [`'${file}'`, '']
    : picture.kind === 'test'
      ? [
          `BytesIO(urlopen('${withModel(`${origin}/images/${picture.index ?? 0}.png`)}').read())`,
          'from io import BytesIO\nfrom urllib.request import urlopen\n',
        ]
      : [
          `BytesIO(base64.b64decode('${input.slice(input.indexOf(',') + 1)}'))`,
          'import base64\nfrom io import BytesIO\n',
        ];
  return {
    needs: `${isInFile ? `${file}, ` : ''}pip install kserve numpy pillow`,
    imports: `${imports}import numpy as np\nfrom PIL import Image`,
    pixels: `np.asarray(Image.open(${source}).convert('${channels === 1 ? 'L' : 'RGB'}')).ravel()`,
  };
}

/** @returns a function that shows snippets, one language at a time */
export function openSnippetPanel(): (snippets: Snippet[]) => void {
  const tabs = element('languages', HTMLElement);
  const code = element('code', HTMLElement);
  const needs = element('needs', HTMLElement);
  const copy = element('copy', HTMLButtonElement);
  let shown: Snippet[] = [];
  let chosen = 0;

  function show(): void {
    const snippet = shown[chosen];
    code.textContent = snippet?.code ?? '';
    needs.textContent = snippet?.needs ?? '';
    copy.textContent = 'Copy';
  }

  function makeTab({ title }: Snippet, i: number): HTMLElement {
    const input = make('input', { type: 'radio', name: 'language', checked: i === chosen });
    input.addEventListener('change', () => {
      chosen = i;
      show();
    });
    return make('label', {}, input, make('span', { textContent: title }));
  }

  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(code.textContent ?? '');
      copy.textContent = 'Copied';
    } catch {
      // Without HTTPS there is no clipboard, but a selection can be copied by hand.
      getSelection()?.selectAllChildren(code);
      copy.textContent = 'Selected';
    }
  });

  return (snippets) => {
    const isFirst = shown.length === 0;
    shown = snippets;
    if (isFirst) tabs.replaceChildren(...snippets.map(makeTab));
    show();
  };
}
