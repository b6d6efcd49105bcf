import { omittedClasses, omittedMethods } from './tensorflow-parts.ts';

/** The namespaces of tfjs-core and their modules. */
const namespaces: Record<string, string> = {
  backend_util: 'backends/backend_util',
  broadcast_util: 'ops/broadcast_util',
  fused: 'ops/fused_ops',
  gather_util: 'ops/gather_nd_util',
  io: 'io/io',
  kernel_impls: 'backends/kernel_impls',
  scatter_util: 'ops/scatter_nd_util',
  serialization: 'serialization',
  slice_util: 'ops/slice_util',
  tensor_util: 'tensor_util',
  util: 'util',
};

/**
 * Returns the source of a module without what the Worker does not need.
 *
 * @throws {Error} if the module no longer has an omitted method or class
 */
export const shortened = (path: string, source: string): string =>
  importNamespaces(
    withoutMessages(path, withoutGradients(withoutClasses(path, withoutMethods(path, source)))),
  );

/** Returns the module's exports as functions that throw. */
export function withoutContent(source: string): string {
  const declared = source.matchAll(
    /^export (?:async )?(?:function\*?|class|const|let|var) (\w+)/gm,
  );
  const listed = source.matchAll(/^export \{([^}]*)\}/gm);
  const names = [
    ...Array.from(declared, ([, name]) => name),
    ...Array.from(listed, ([, list = '']) => list.split(',').map((name) => name.trim())).flat(),
  ];
  return [
    "const omitted = (name) => function () { throw new Error('The Worker does not include ' + name + ' of TensorFlow.js.'); };",
    ...names.map((name) => `export const ${name} = omitted('${name}');`),
  ].join('\n');
}

/**
 * Replaces the bodies of a module's omitted methods.
 *
 * @throws {Error} if the module has no such method
 */
function withoutMethods(path: string, source: string): string {
  const [, methods = []] =
    Object.entries(omittedMethods).find(([file]) => path.endsWith(file)) ?? [];
  return methods.reduce((rest, method) => {
    const pattern = new RegExp(
      `^( {4}(?:async )?${method}\\((?:[^\\n]|,\\n)*\\{)$.*?^ {4}\\}$`,
      'gms',
    );
    const shorter = rest.replaceAll(
      pattern,
      `$1 throw new Error('The Worker does not include ${method} of TensorFlow.js.'); }`,
    );
    if (shorter === rest)
      throw new Error(`${path} no longer has ${method}. Update \`omittedMethods\`.`);
    return shorter;
  }, source);
}

/**
 * Removes a module's omitted classes and the statements that register and export them.
 *
 * @throws {Error} if the module has no such class
 */
function withoutClasses(path: string, source: string): string {
  const [, classes = []] =
    Object.entries(omittedClasses).find(([file]) => path.endsWith(file)) ?? [];
  return classes.reduce((rest, name) => {
    const shorter = rest
      .replace(new RegExp(`^(?:export )?class ${name} .*?^\\}$`, 'ms'), '')
      .replaceAll(
        new RegExp(
          `^(?:${name}\\.className = .*|serialization\\.registerClass\\(${name}\\);|export \\{ ${name} \\};)$`,
          'gm',
        ),
        '',
      );
    if (shorter === rest)
      throw new Error(`${path} no longer has ${name}. Update \`omittedClasses\`.`);
    return shorter;
  }, source);
}

/** Empties the gradients that operations define for themselves, and with them what only gradients import. */
const withoutGradients = (source: string): string =>
  source.replaceAll(
    /^ {4}const grad = \([^\n]*=> \{$.*?^ {4}\};$/gms,
    '    const grad = () => {};',
  );

/**
 * Removes the messages of an operation's or a kernel's assertions. A model whose layers do not fit each other fails before, when
 * tfjs-layers builds it.
 */
function withoutMessages(path: string, source: string): string {
  if (!/tfjs-core\/dist\/ops\/|tfjs-backend-cpu\/dist\//.test(path)) return source;
  return source.replaceAll(
    /((?:util\.)?assert\([^;]*?), \(\) => (?:`[^`]*`|'[^']*')(?: \+\s*(?:`[^`]*`|'[^']*'|[^;`']+?))*\);/g,
    "$1, () => 'Operands do not fit');",
  );
}

/** Imports tfjs-core's namespaces from their own modules, so that esbuild can drop their unused functions. */
export function importNamespaces(source: string): string {
  const used = new Set<string>();
  const contents = source
    .replaceAll(/^import \{([^}]*)\} from '@tensorflow\/tfjs-core';/gm, (_, list: string) => {
      const names = list.split(',').map((name) => name.trim());
      for (const name of names) if (name in namespaces) used.add(name);
      const others = names.filter((name) => !(name in namespaces));
      return others.length > 0
        ? `import { ${others.join(', ')} } from '@tensorflow/tfjs-core';`
        : '';
    })
    .replaceAll(/\b(?:tfc|tf)\.(\w+)\./g, (access, name: string) => {
      if (!(name in namespaces)) return access;
      used.add(name);
      return `${name}.`;
    });
  const imports = Array.from(
    used,
    (name) => `import * as ${name} from '@tensorflow/tfjs-core/dist/${namespaces[name]}';`,
  );
  return `${imports.join('')}${contents}`;
}
