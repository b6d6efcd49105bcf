/** The script of /docs: its forms send GET requests to this Worker and show status, headers and body. */
import { make } from './element.ts';

const maxShownCharacters = 20_000;

for (const form of document.querySelectorAll<HTMLFormElement>('form.try')) {
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void send(form);
  });
}
void fillVersion();

/** Replaces the example of a version with the one that is served, if there is one. */
async function fillVersion(): Promise<void> {
  const input = document.querySelector<HTMLInputElement>('[name=version][data-in=path]');
  const response = await fetch('/model').catch(() => null);
  if (!input || !response?.ok) return;
  const { manifest } = (await response.json()) as { manifest: { version: string } };
  input.value = manifest.version;
}

async function send(form: HTMLFormElement): Promise<void> {
  const output = form.querySelector('output') as HTMLOutputElement;
  const { url, headers } = requestOf(form);
  output.replaceChildren(make('p', { textContent: `GET ${url} …` }));
  form.ariaBusy = 'true';
  try {
    const start = performance.now();
    const response = await fetch(url, { headers, cache: 'no-store' });
    const body = await bodyOf(response);
    const milliseconds = Math.round(performance.now() - start);
    const status = `${response.status} ${response.statusText}`.trim();
    const received = Array.from(response.headers, ([name, value]) => `${name}: ${value}`);
    output.replaceChildren(
      make('p', {}, `GET ${url} → `, make('b', { textContent: status }), `, ${milliseconds} ms`),
      make('pre', { className: 'headers', textContent: received.join('\n'), tabIndex: 0 }),
      body,
    );
  } catch (error) {
    const message = `GET ${url}: no answer (${(error as Error).message}). Is the Worker running?`;
    output.replaceChildren(make('p', { textContent: message }));
  } finally {
    form.ariaBusy = 'false';
  }
}

/** Returns the request that the form describes. Empty fields are left out. */
function requestOf(form: HTMLFormElement) {
  // Not form.dataset: a field named `dataset` hides it.
  let path = form.getAttribute('data-path') ?? '';
  const query = new URLSearchParams();
  const headers = new Headers();
  for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>('[data-in]')) {
    const { name, value } = field;
    const place = field.dataset.in;
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (value !== '' && place === 'query') query.set(name, value);
    else if (value !== '') headers.set(name, value);
  }
  return { url: query.size > 0 ? `${path}?${query}` : path, headers };
}

/** Returns an element that shows the body: an image as an image, JSON indented, other bytes by their number. */
async function bodyOf(response: Response): Promise<HTMLElement> {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('image/')) {
    const src = URL.createObjectURL(await response.blob());
    return make('img', { src, alt: 'The body of the answer' });
  }
  if (type.startsWith('application/octet-stream')) {
    return make('p', { textContent: `${(await response.arrayBuffer()).byteLength} bytes` });
  }
  const text = await response.text();
  const shown = type.includes('json') ? indented(text) : text;
  const cut =
    shown.length > maxShownCharacters
      ? `${shown.slice(0, maxShownCharacters)}\n… of ${shown.length} characters`
      : shown;
  return make('pre', { className: 'schema', textContent: cut, tabIndex: 0 });
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 1);
  } catch {
    return json;
  }
}
