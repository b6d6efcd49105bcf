import type { ProblemBody } from '../errors.ts';
import { make } from './element.ts';
import { keepToken, withToken } from './predict.ts';

/** What a visitor can do about it, by the problem's code; without one, what the Worker says has to do. */
const advice: Record<string, string> = {
  no_model: '`npm start` trains and publishes one. This page goes on by itself when it is there.',
  bad_model: 'Publish it again, or roll back: npx catwalk models rollback.',
  store_failed:
    'Check that the bucket is up, and the Worker’s settings for it (docs/09-deploy-and-operate.md).',
  no_dataset: '`npx catwalk data upload` brings it. Drawing, pictures and camera work without.',
  unauthorized: 'Ask whoever deployed it for one of `API_TOKENS`. Test images need none.',
  unsupported_image: 'PNG, JPEG, WebP, GIF and BMP are read.',
  bad_image: 'Open it in another program and save it anew.',
  offline: 'This page asks again as soon as you are back.',
  unreachable: 'It may be starting, or it was stopped. This page asks again by itself.',
};

/** Anything that keeps an answer away, in words for the visitor. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
  readonly code: string;
  readonly title: string;
  /** Asking the same again later may help. */
  readonly passes: boolean;

  constructor(code: string, title: string, detail: string, passes = false) {
    super(detail);
    this.code = code;
    this.title = title;
    this.passes = passes;
  }

  get advice(): string {
    return advice[this.code] ?? '';
  }
}

export interface Asked<Value> {
  value: Value;
  response: Response;
  /** From the request to the whole answer, in milliseconds. */
  milliseconds: number;
}

/**
 * Asks the Worker for JSON.
 *
 * @param path relative to the page, so that it may lie under any path
 * @throws {Trouble} whatever goes wrong, but for being aborted
 */
export async function ask<Value>(path: string, init: RequestInit = {}): Promise<Asked<Value>> {
  const start = performance.now();
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { ...init, headers: withToken(init.headers) });
    text = await response.text();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw navigator.onLine
      ? new Trouble('unreachable', 'The Worker does not answer', 'The connection failed.', true)
      : new Trouble('offline', 'You are offline', 'There is no network.', true);
  }
  const milliseconds = performance.now() - start;
  if (response.status === 304) return { value: undefined as Value, response, milliseconds };
  try {
    const value = JSON.parse(text);
    if (response.ok) return { value, response, milliseconds };
    const { code, title, detail, status } = value as ProblemBody;
    if (typeof code === 'string') throw new Trouble(code, title, detail, status >= 500);
  } catch (error) {
    if (error instanceof Trouble) throw error;
  }
  // Something between here and the Worker answered.
  const { status, statusText } = response;
  throw new Trouble('unreachable', `The answer was ${status} ${statusText}`, '', status >= 500);
}

/** @returns the error as it is told to the visitor */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof Trouble) return error;
  console.warn(error);
  return new Trouble('page_failed', 'This page failed', String((error as Error)?.message ?? error));
}

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
