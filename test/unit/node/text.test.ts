import { execFileSync } from 'node:child_process';
import { styleText } from 'node:util';
import { expect, it } from 'vitest';
import { printable, shellQuoted, textTable } from '../../../node/text.ts';

it.each([
  ['\x1b[2J\x1b[Hcleared', '[2J[Hcleared'],
  ['\x1b]0;title\x07', ']0;title'],
  ['\x1b]52;c;Y29weQ==\x1b\\', ']52;c;Y29weQ==\\'],
  ['\x9b31mred', '31mred'],
  ['over\rwritten\b', 'overwritten'],
  ['hidden \x1b[8mtext', 'hidden [8mtext'],
  ['gpj.\u202eexe', 'gpj.exe'],
  ['two\nlines\tand a tab, 鞋 👟', 'two\nlines\tand a tab, 鞋 👟'],
])('printable leaves no command to a terminal in %j', (text, expected) => {
  expect(printable(text)).toBe(expected);
});

it.each(['bold', 'dim', 'red', 'green', 'yellow'] as const)('printable keeps %s', (format) => {
  const styled = styleText(format, 'text', { validateStream: false });
  expect(printable(styled)).toBe(styled);
});

it('a cell of a table stays in its row', () => {
  const lines = textTable(['label', 'n'], [['a\nb', '1']])
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe('a b    1');
});

it.each([
  ['runs/20261124T101500Z-4711', 'runs/20261124T101500Z-4711'],
  ['s3://bucket/my-prefix', 's3://bucket/my-prefix'],
  ['my runs/a', "'my runs/a'"],
  ["it's $HOME", "'it'\\''s $HOME'"],
  ['', "''"],
])('shellQuoted makes one word of %j', (path, quoted) => {
  expect(shellQuoted(path)).toBe(quoted);
  const words = execFileSync('sh', ['-c', `printf '%s|' ${quoted}`]).toString();
  expect(words).toBe(`${path}|`);
});
