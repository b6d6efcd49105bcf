import { expect, it } from 'vitest';
import { insertFigures } from '../../../infra/figures/insert-figures.ts';

const figures = new Map([
  ['ratio', '1.49'],
  ['table', '| a |\n| --- |\n| 1 |'],
]);

it('replaces only the text between the markers', () => {
  const text = 'It is <!-- figure ratio -->1.13<!-- /figure --> of PyTorch, not 1.13.';
  const updated = 'It is <!-- figure ratio -->1.49<!-- /figure --> of PyTorch, not 1.13.';
  expect(insertFigures(text, figures, 'a.md')).toBe(updated);
  expect(insertFigures(updated, figures, 'a.md')).toBe(updated);
});

it('puts a table on lines of its own', () => {
  expect(insertFigures('<!-- figure table --><!-- /figure -->', figures, 'a.md')).toBe(
    '<!-- figure table -->\n| a |\n| --- |\n| 1 |\n<!-- /figure -->',
  );
});

it.each([
  ['<!-- figure speed -->1<!-- /figure -->', /a\.md names the figure speed, which does not exist/],
  ['<!-- figure ratio -->1', /a\.md opens 1 figures and closes 0/],
  ['1<!-- /figure -->', /a\.md opens 0 figures and closes 1/],
])('refuses %s', (text, message) => {
  expect(() => insertFigures(text, figures, 'a.md')).toThrow(message);
});
