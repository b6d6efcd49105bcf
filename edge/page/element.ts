/** @throws {Error} if the page has no element of that kind with the id */
export function element<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${kind.name} #${id}.`);
}

type Child = Node | string;

/**
 * Creates an element. Text is never parsed as markup.
 *
 * @param properties such as `className`, `textContent`, `ariaLabel`
 */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const svgNamespace = 'http://www.w3.org/2000/svg';

export function makeSvg(
  tag: string,
  attributes: Record<string, string | number>,
  ...children: Child[]
): SVGElement {
  const made = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

export function tableRow(cell: 'td' | 'th', texts: string[]): HTMLTableRowElement {
  return make('tr', {}, ...texts.map((textContent) => make(cell, { textContent })));
}

/** A region of its own that scrolls, also with the keyboard, if a table is wider than the screen. */
export function scrollRegion(ariaLabel: string, table: HTMLElement): HTMLElement {
  return make('div', { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel }, table);
}

/** Draws an image at a size, to read its pixels or to encode it as PNG. */
export function rasterize(image: CanvasImageSource, width: number, height: number) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  context.drawImage(image, 0, 0, width, height);
  return context;
}
