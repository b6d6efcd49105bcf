import { make } from './element.ts';
import type { Trouble } from './trouble.ts';

/** @returns a panel that says what is wrong, what to do, and tries again */
export function troublePanel(trouble: Trouble, retry: () => void): HTMLElement {
  const button = make('button', { type: 'button', textContent: 'Try again', onclick: retry });
  const panel = make(
    'div',
    { className: 'trouble' },
    make('h3', { textContent: trouble.title }),
    make('p', { textContent: trouble.message }),
  );
  if (trouble.advice) panel.append(make('p', {}, ...withCode(trouble.advice)));
  panel.append(button);
  panel.dataset.code = trouble.code;
  panel.setAttribute('role', 'alert');
  return panel;
}

/** `words` between backticks are set as code. */
const withCode = (text: string) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? make('code', { textContent: part }) : part));
