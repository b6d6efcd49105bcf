import { make } from './element.ts';
import { setToken, type Trouble } from './requests.ts';

/** What the visitor can do, by problem code. `backticks` become code. */
const advice: Record<string, string> = {
  no_model: '`npm start` trains and publishes one. This page continues then.',
  bad_model: 'Publish it again, or roll back: `npx catwalk rollback`.',
  store_failed:
    'Check the bucket, and the Worker’s settings for it (docs/09-deploy-and-operate.md).',
  no_dataset: '`npx catwalk data upload` uploads it. Everything else works without.',
  unauthorized: 'Ask its operator for one of `API_TOKENS`. Test images need none.',
  unsupported_image: 'Use PNG, JPEG, WebP, GIF or BMP.',
  bad_image: 'Open it in another program and save it again.',
  offline: 'This page tries again once you are online.',
  unreachable: 'It may be starting or stopped. This page tries again.',
};

/** A panel with the error, advice and a retry button, or a token form if a token is required. */
export function troublePanel(trouble: Trouble, retry: () => void): HTMLElement {
  const { code, title, message } = trouble;
  const panel = make(
    'div',
    { className: 'trouble', role: 'alert' },
    make('h3', { textContent: title }),
    make('p', { textContent: message }),
  );
  const text = advice[code];
  if (text) panel.append(make('p', {}, ...withCode(text)));
  panel.append(
    code === 'unauthorized'
      ? tokenForm(retry)
      : make('button', { type: 'button', textContent: 'Try again', onclick: retry }),
  );
  panel.dataset.code = code;
  return panel;
}

function tokenForm(retry: () => void): HTMLElement {
  const input = make('input', { type: 'password', required: true, autocomplete: 'off' });
  const form = make(
    'form',
    { className: 'token' },
    make('label', {}, 'Token ', input),
    make('button', { textContent: 'Use this token' }),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    setToken(input.value);
    retry();
  });
  return form;
}

const withCode = (text: string) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? make('code', { textContent: part }) : part));
