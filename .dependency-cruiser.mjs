/**
 * The import rules between the parts and between their folders. Biome checks cycles between files.
 * swc parses the sources, because dependency-cruiser needs a TypeScript older than 7 otherwise.
 */

/** The folders of trainer/, in the order data flows. A folder imports only from its own row and the rows above it. */
const trainerRows = [
  ['data', 'backend'],
  ['train', 'weights'],
  ['backbone'],
  ['registry'],
  ['run'],
  ['evaluate'],
  ['sweep'],
  ['cli'],
];

const trainerOrder = trainerRows.slice(0, -1).map((row, index) => {
  const later = trainerRows.slice(index + 1).flat();
  return {
    name: `trainer-order-of-${row.join('-and-')}`,
    comment: `trainer/${row.join(' and trainer/')} can't import ${later.join(', ')}.`,
    severity: 'error',
    from: { path: `^trainer/(${row.join('|')})/` },
    to: { path: `^trainer/(${later.join('|')})/` },
  };
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-folder-cycle',
      comment: 'Folders import each other in one direction only.',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'trainer-and-edge-apart',
      comment: 'trainer/ and edge/ meet only in the bucket.',
      severity: 'error',
      from: { path: '^(trainer|edge)/' },
      to: { path: '^(trainer|edge)/', pathNot: '^$1/' },
    },
    {
      name: 'shared-imports-no-part',
      comment: 'shared/ is what every part builds on.',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^(node|trainer|edge|infra|test)/' },
    },
    {
      name: 'shared-and-edge-without-node',
      comment:
        'shared/ uses only what Node and Workers have in common; edge/ uses only Workers APIs.',
      severity: 'error',
      from: { path: '^(shared|edge)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'shared-without-workers',
      comment: 'shared/ uses only what Node and Workers have in common.',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^cloudflare:' },
    },
    {
      name: 'node-imports-no-part',
      comment: 'node/ is what trainer/ and infra/ build on.',
      severity: 'error',
      from: { path: '^node/' },
      to: { path: '^(trainer|edge|infra|test)/' },
    },
    ...trainerOrder,
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^shared/kernels/(assembly|build)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default'] },
  },
};
