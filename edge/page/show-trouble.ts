import { make } from './element.ts';
import { keepToken } from './token.ts';
import type { Trouble } from './trouble.ts';

/** @returns a panel that says what is wrong, what to do, and tries again */
export function troublePanel(trouble: Trouble, retry: () => void): HTMLElement {
  const panel = make(
    'div',
    { className: 'trouble' },
    make('h3', { textContent: trouble.title }),
    make('p', { textContent: trouble.message }),
  );
  if (trouble.advice) panel.append(make('p', {}, ...withCode(trouble.advice)));
  panel.append(
    trouble.code === 'unauthorized'
      ? tokenForm(retry)
      : make('button', { type: 'button', textContent: 'Try again', onclick: retry }),
  );
  panel.dataset.code = trouble.code;
  panel.setAttribute('role', 'alert');
  return panel;
}

/** Asks for the token that the Worker wants, then tries again with it. */
function tokenForm(retry: () => void): HTMLElement {
  const input = make('input', { type: 'password', required: true, autocomplete: 'off' });
  const form = make(
    'form',
    { className: 'token' },
    make('label', {}, 'Token ', input),
    make('button', { textContent: 'Send it along' }),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    keepToken(input.value);
    retry();
  });
  return form;
}

/** `words` between backticks are set as code. */
const withCode = (text: string) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? make('code', { textContent: part }) : part));
