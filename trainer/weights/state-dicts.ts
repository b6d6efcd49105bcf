import { isKind, type Opaque } from './pickle-machine.ts';
import { isTensor } from './pytorch-globals.ts';
import { WeightsFileError } from './tensor.ts';

/** Dictionaries in dictionaries that are searched. */
const maxDepth = 6;

/** In this order, if several dictionaries of a checkpoint have weights. */
const preferred = ['', 'state_dict', 'model_state_dict', 'model'];

/**
 * Chooses the state_dict in what a file holds: the dictionary under `key`, or the one that has weights.
 *
 * @param key names of keys, joined by dots (default: the root, state_dict, model_state_dict, model, or the only one)
 * @returns the state_dict, its key ('' is the root) and the keys of all that were found
 * @throws {WeightsFileError} if there is none, none under this key, or several to choose from
 */
export function chooseStateDict(
  root: unknown,
  key?: string,
): { stateDict: Map<unknown, unknown>; key: string; keys: string[] } {
  const found = findStateDicts(root);
  const keys = [...found.keys()];
  if (keys.length === 0) throw noStateDict(root);
  const only = keys.length === 1 ? keys[0] : undefined;
  const chosen = key ?? preferred.find((name) => found.has(name)) ?? only;
  const stateDict = chosen === undefined ? undefined : found.get(chosen);
  if (chosen !== undefined && stateDict) return { stateDict, key: chosen, keys };
  const places = keys.map((name) => name || '(the root)').join(', ');
  throw new WeightsFileError(
    key === undefined
      ? `The file has weights under several keys: ${places}. Choose one with --key.`
      : `The file has no weights under ${key}. It has them under: ${places}. Choose one with --key.`,
  );
}

function findStateDicts(root: unknown): Map<string, Map<unknown, unknown>> {
  const named = new Map<string, Map<unknown, unknown>>();
  const others = new Map<string, Map<unknown, unknown>>();
  // A pickle can refer to the same dictionary any number of times, also to one that contains itself.
  const seen = new Set<unknown>();
  const search = (value: unknown, path: string, depth: number) => {
    const map = isKind<Opaque>(value, 'opaque') ? value.items : value;
    if (!(map instanceof Map) || seen.has(map)) return;
    seen.add(map);
    const tensors = [...map].filter(([, item]) => isTensor(item));
    const isNamed = tensors.some(([name]) => typeof name === 'string' && /\bweight$/.test(name));
    if (isNamed) named.set(path, map);
    else if (tensors.some(([, item]) => isTensor(item) && item.storage.type)) others.set(path, map);
    if (isNamed || depth === maxDepth) return;
    for (const [name, item] of map) {
      if (typeof name !== 'string') continue;
      search(item, path === '' ? name : `${path}.${name}`, depth + 1);
    }
  };
  search(root, '', 0);
  return named.size > 0 ? named : others;
}

function noStateDict(root: unknown): WeightsFileError {
  const advice = 'save model.state_dict() with torch.save instead.';
  const items = root instanceof Map ? [...root] : [['', root] as const];
  const objects = items.flatMap(([name, value]) => {
    if (!isKind<Opaque>(value, 'opaque') || typeof name !== 'string') return [];
    return name === '' ? value.name : `${value.name} under ${name}`;
  });
  const what =
    objects.length > 0
      ? `The file contains no state_dict, but a pickled object (${objects.slice(0, 5).join(', ')})`
      : 'The file contains no state_dict';
  return new WeightsFileError(`${what}: ${advice}`);
}
