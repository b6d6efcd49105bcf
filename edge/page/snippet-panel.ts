import { element, make } from './element.ts';
import type { Snippet } from './snippets.ts';

/** Shows the snippets of the image on screen, one language at a time. */
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
      // Without HTTPS there is no clipboard: what is selected can be copied by hand.
      getSelection()?.selectAllChildren(code);
      copy.textContent = 'Selected';
    }
  });

  return (snippets) => {
    const isOther = snippets.some(({ title }, i) => title !== shown[i]?.title);
    shown = snippets;
    if (isOther) tabs.replaceChildren(...snippets.map(makeTab));
    show();
  };
}
