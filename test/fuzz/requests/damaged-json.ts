import * as fc from 'fast-check';

/** JSON as text, which can hold values that no program writes. */
const rawValues: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '""',
    '{}',
    '[]',
    '[[]]',
    '0',
    '-0',
    '-1',
    '-1e-9',
    '0.5',
    '1.0000001',
    '255',
    '255.0000001',
    '256',
    '1e308',
    '1e999',
    '-1e999',
    '1e-999',
    '9007199254740993',
    '9'.repeat(400),
    'NaN',
    'Infinity',
    'undefined',
    '0x10',
    '01',
    "'a'",
    '"\\ud800"',
    '"\\u0000"',
    '"data:image/png;base64,"',
    '"data:,x"',
    '"===="',
    '"image"',
    '{"b64":""}',
    '{"__proto__":{"pixels":[]}}',
    '{"a":1,"a":2}',
    '{"pixels":null}',
    '{"image":1}',
  ),
  fc.json({ maxDepth: 3 }),
  fc.string({ maxLength: 30 }).map((text) => JSON.stringify(text)),
  nested(fc.integer({ min: 1, max: 12 })),
  nested(fc.integer({ min: 1000, max: 50_000 })),
);

function nested(depths: fc.Arbitrary<number>): fc.Arbitrary<string> {
  const brackets = fc.constantFrom(['[', ']'], ['{"pixels":', '}'], ['{"":', '}']);
  return fc
    .tuple(depths, brackets)
    .map(([depth, [open = '', close = '']]) => `${open.repeat(depth)}0${close.repeat(depth)}`);
}

/** A change to one place of a value, counted level by level, outer ones first. */
type Change = { place: number } & (
  | { kind: 'put'; raw: string }
  | { kind: 'remove' }
  | { kind: 'rename'; name: string }
);

const places = fc.oneof(fc.nat(8), fc.nat(50_000));
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), place: places, raw: rawValues }),
  fc.record({ kind: fc.constant('remove' as const), place: places }),
  fc.record({
    kind: fc.constant('rename' as const),
    place: places,
    name: fc.constantFrom('', 'pixels', 'image', 'images', 'instances', '__proto__', 'ʼ'),
  }),
);

const wrappings = fc.oneof(
  { weight: 12, arbitrary: fc.constant((text: string) => text) },
  fc.constantFrom<((text: string) => string)[]>(
    (text) => `\ufeff${text}`,
    (text) => ` \n\t${text}\r\n`,
    (text) => `${text},`,
    (text) => `[${text}]`,
    (text) => `{"images":[${text}]}`,
    (text) => text.slice(0, text.length >> 1),
    (text) => text.slice(0, -1),
    (text) => `${text}\0`,
  ),
);

/** @returns JSON of the values, about half of it malformed */
export const damagedJson = (values: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  fc
    .tuple(
      values,
      fc.oneof(fc.constant([]), fc.array(changes, { minLength: 1, maxLength: 3 })),
      wrappings,
    )
    .map(([value, made, wrap]) => wrap(apply(value, made)));

interface Place {
  parent: Record<string, unknown>;
  key: string;
}

function apply(value: unknown, made: readonly Change[]): string {
  const root: Record<string, unknown> = { '': structuredClone(value) };
  const holes: string[] = [];
  for (const change of made) {
    const all = placesOf(root);
    const { parent, key } = all[change.place % all.length] as Place;
    if (change.kind === 'put') {
      parent[key] = holeName(holes.length);
      holes.push(change.raw);
    } else if (Array.isArray(parent)) {
      parent.splice(Number(key), 1);
    } else {
      if (change.kind === 'rename') setOwn(parent, change.name, parent[key]);
      delete parent[key];
    }
  }
  const text = JSON.stringify(root[''] ?? null);
  return holes.reduce((filled, raw, i) => filled.replace(`"${holeName(i)}"`, () => raw), text);
}

const holeName = (number: number) => `@hole ${number}@`;

/** `__proto__` as a member of its own. */
const setOwn = (parent: object, key: string, value: unknown) =>
  Object.defineProperty(parent, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });

/** Level by level. */
function placesOf(root: Record<string, unknown>): Place[] {
  const found: Place[] = [{ parent: root, key: '' }];
  for (let i = 0; i < found.length; i++) {
    const { parent, key } = found[i] as Place;
    const value = parent[key];
    if (typeof value !== 'object' || value === null) continue;
    const inner = value as Record<string, unknown>;
    for (const each of Object.keys(inner)) found.push({ parent: inner, key: each });
  }
  return found;
}
