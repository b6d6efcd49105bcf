let kept = '';

/** Keeps what every later request to the Worker is sent with, until the page is left: no script finds it in a storage. */
export function keepToken(token: string): void {
  kept = token.trim();
}

/** @returns the headers with the token, where there is one */
export function withToken(given?: HeadersInit): Headers {
  const headers = new Headers(given);
  if (kept !== '') headers.set('authorization', `Bearer ${kept}`);
  return headers;
}
