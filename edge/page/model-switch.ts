import { element, make } from './element.ts';
import { ownPath, request, withModel } from './requests.ts';

/** Shows the other models of the Worker, if it serves any. The page's own address names the one on screen: `?model=…`. */
export async function openModelSwitch(): Promise<void> {
  const { value } = await request<{ own: string; models: string[] }>(ownPath('models/names'));
  const { own, models } = value;
  if (models.length < 2) return;
  const shown = new URLSearchParams(location.search).get('model') ?? own;
  const choice = make('select', { id: 'model', ariaLabel: 'Model' });
  for (const name of Array.from(new Set([shown, ...models]))) {
    choice.append(make('option', { value: name, textContent: name, selected: name === shown }));
  }
  choice.addEventListener('change', () => {
    location.assign(
      `${withModel('./', choice.value === own ? null : choice.value)}${location.hash}`,
    );
  });
  element('model-switch', HTMLElement).replaceChildren(choice);
}
